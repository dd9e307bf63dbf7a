// Reads the head of one GGUF file (one shard) out of its bytes. Internal to the module.
//
//   "GGUF"  version u32  n_tensors u64  n_keys u64
//   n_keys    x: key string, type u32, value          string: length u64, bytes; array: type u32, count u64, elements
//   n_tensors x: name string, n_dims u32, dims u64 each (innermost first), type u32, offset u64
//   padding to general.alignment (default 32); tensor bytes, each at its offset from here, a multiple of the alignment
//
// All little-endian. Nothing in the head is believed: every extent is checked against the bytes there are before use.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/gguf_metadata.h"
#include "model/weight_view.h"

namespace bp {

struct GgufShard {
  GgufMetadata metadata;
  std::vector<WeightView> tensors;  // in the order of the file
};

// `where` names the file in errors. `bytes` outlives the result.
Result<GgufShard> read_gguf(std::span<const std::byte> bytes, const std::string& where);

}  // namespace bp
