// A GGUF file's head, whatever it claims: read, every entry looked at in every way, and its configuration interpreted.
#include <cstdint>
#include <span>
#include <string>

#include "model/gguf_reader.h"
#include "model/model_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto shard = bp::read_gguf(std::as_bytes(std::span(data, size)), "fuzz.gguf");
  if (!shard) {
    (void)shard.error().message();
    return 0;
  }
  for (const auto& [key, value] : shard->metadata.entries()) {
    (void)shard->metadata.get<int64_t>(key);
    (void)shard->metadata.get<uint8_t>(key);
    (void)shard->metadata.get<double>(key);
    (void)shard->metadata.get<bool>(key);
    (void)shard->metadata.get<std::string_view>(key);
    (void)shard->metadata.strings(key);
    (void)shard->metadata.numbers<int32_t>(key);
    (void)shard->metadata.numbers<float>(key);
  }
  uint64_t sum = 0;
  for (const bp::WeightView& tensor : shard->tensors) {
    if (!tensor.bytes.empty())
      sum += static_cast<uint64_t>(tensor.bytes.front()) + static_cast<uint64_t>(tensor.bytes.back());
  }
  auto config = bp::read_gguf_config(shard->metadata);
  if (config && bp::check_config(*config, "fuzz.gguf")) sum += bp::compute_rope(config->rope).inv_freq.size();
  return sum == UINT64_MAX ? 1 : 0;
}
