// The header of a safetensors file:  header length u64 | JSON header | tensor bytes
//   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …, "__metadata__": {…}}
// data_offsets count from the end of the header. Thread-safe: a pure function.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/weight_view.h"

namespace bp {

// The tensors in the order of their bytes. `where` names the file in errors; `bytes` outlives the result.
// Checked: every tensor lies inside the file, its extent is what dtype and shape need, no two overlap.
// Errors: kRefused for anything malformed, kUnsupported for an element type that has no DType.
Result<std::vector<WeightView>> read_safetensors(std::span<const std::byte> bytes, const std::string& where);

}  // namespace bp
