// A safetensors file, whatever its header claims; and the same bytes as a config.json.
#include <cstdint>
#include <span>
#include <string_view>

#include "model/model_config.h"
#include "model/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint64_t sum = 0;
  const auto tensors = bp::read_safetensors(std::as_bytes(std::span(data, size)), "fuzz.safetensors");
  if (!tensors) (void)tensors.error().message();
  if (tensors) {
    for (const bp::WeightView& tensor : *tensors) {
      if (!tensor.bytes.empty())
        sum += static_cast<uint64_t>(tensor.bytes.front()) + static_cast<uint64_t>(tensor.bytes.back());
    }
  }
  const auto config = bp::read_hf_config(std::string_view(reinterpret_cast<const char*>(data), size), "config.json");
  if (config) sum += bp::compute_rope(config->rope).inv_freq.size();
  return sum == UINT64_MAX ? 1 : 0;
}
