// Which ops of each model family's step have a kernel on the device. The models are tiny ones of zeros, made of what a
// Hugging Face folder says of itself: its configuration and the list of its tensors, which the program has with it.
// Not thread-safe.
#pragma once

#include <span>
#include <string>

#include "results.h"

namespace bp::conformance {

struct Family {
  std::string name;          // "qwen3_moe"
  std::string weights;       // of matrices: "f32", as the folder has them, or "q8_0"
  std::string_view config;   // config.json
  std::string_view tensors;  // what model.safetensors begins with
  std::string label() const { return name + "_" + weights; }
};

std::span<const Family> families();

// What runs each op of a forward step and, of models that continue text, of sampling: with fusion, at the sizes of
// prefill. No weight is read and nothing runs.
FamilyResult cover(const Family& family, Subject& subject);

}  // namespace bp::conformance
