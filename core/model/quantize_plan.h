// Which type each tensor of a model gets when it is quantised. Thread-safe: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "model/weight_view.h"

namespace bp {

// Types a model can be quantised to: f32, f16, bf16 and the block formats that quant writes. nullopt for other names.
// Upper case is fine.
std::optional<DType> parse_quantize_type(std::string_view name);
// "f32, f16, …"
std::string quantize_type_names();
// The number of general.file_type that stands for a model mostly of that type.
uint32_t gguf_file_type(DType type);

// What happens to one tensor:
//   vectors (norms, biases)                       f32
//   routers of experts, position and type tables  as they are
//   integers                                      as they are
//   embedding and head                            `type`, but q6_k where that is a type of fewer bits
//   the other matrices                            `type`
// With `pure` embedding and head are like the others. Rows that do not fill blocks fall back to q8_0, and where they do
// not fill those either to f16. What is quantised already is never given more bits than it has, unless `type` is a
// float: then it is decoded.
struct TensorPlan {
  DType type;
  bool is_fallback = false;  // rows that did not fill the blocks wanted
};
TensorPlan plan_tensor(const WeightView& tensor, DType type, bool pure);

}  // namespace bp
