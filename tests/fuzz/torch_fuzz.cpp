// A PyTorch file, whatever its archive and its pickle claim; and the same bytes as a bare pickle.
#include <cstdint>
#include <span>

#include "model/torch_file.h"
#include "model/torch_pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint64_t sum = 0;
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto file = bp::read_torch_file(bytes, "fuzz.bin");
  if (!file) (void)file.error().message();
  if (file) {
    for (const bp::WeightView& tensor : file->tensors) {
      if (!tensor.bytes.empty())
        sum += static_cast<uint64_t>(tensor.bytes.front()) + static_cast<uint64_t>(tensor.bytes.back());
    }
  }
  const auto pickle = bp::read_torch_pickle(bytes, "fuzz.pkl");
  if (!pickle) (void)pickle.error().message();
  if (pickle) sum += pickle->size();
  return sum == UINT64_MAX ? 1 : 0;
}
