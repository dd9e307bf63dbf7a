// How the weights of a Hugging Face folder are quantised: the quantization_config of its config.json.
// Thread-safe: plain values and a pure function.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.h"
#include "model/json_fields.h"

namespace bp {

enum class QuantMethod : uint8_t { kOff, kFp8, kAwq, kGptq, kMxfp4 };

struct QuantConfig {
  QuantMethod method = QuantMethod::kOff;
  int bits = 0;                    // AWQ, GPTQ
  int64_t group_size = 0;          // AWQ, GPTQ: columns that share a scale; -1: all
  bool zeros_less_one = false;     // GPTQ: the file holds zero - 1
  std::array<int64_t, 2> block{};  // fp8: rows and columns that share a scale; {0, 0}: a row each, or all
};

// Which modules are left in full is no part of it: their tensors say so. Errors: kUnsupported for a method or a variant
// this build cannot read, by name and with those it can; kRefused for malformed members.
Result<QuantConfig> read_hf_quantization(const JsonFields& top);

}  // namespace bp
