// A GGUF model made one of smaller types, tensor by tensor as quantize_plan.h says. Thread-safe: a function.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"
#include "model/write_tensors.h"

namespace bp {

struct QuantizeOptions {
  DType type = DType::kQ8_0;
  bool pure = false;
  std::string importance{};  // a file, or empty
};

struct QuantizeReport {
  DType type = DType::kF32;  // of most matrices
  uint64_t n_bytes = 0;
  std::map<std::string, int64_t> tensors;  // type name -> how many
  std::vector<std::string> notes;          // what did not go as asked
};

// in: a GGUF file, or the first shard of one. out may be the same path.
Result<QuantizeReport> quantize_gguf(const std::string& in, const std::string& out, const QuantizeOptions& options,
                                     const WriteOptions& write);

}  // namespace bp
