// Writes one GGUF file (version 3, alignment 32): head first, then each tensor's bytes in any order. The file appears
// under its name when finish() succeeds (base/output_file.h). Movable; write() may be called by several threads at
// once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/output_file.h"
#include "model/gguf_entries.h"

namespace bp {

struct GgufTensor {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;  // row-major: a matrix is [out, in]
};

class GgufFileWriter {
 public:
  // Errors: kUsage where the path cannot be written, kFailed on a full disk, kRefused for a tensor that GGUF cannot
  // hold: no type for its dtype, more than four dimensions, rows that do not fill blocks.
  static Result<GgufFileWriter> create(const std::string& path, const GgufEntries& entries,
                                       std::vector<GgufTensor> tensors);

  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  uint64_t tensor_bytes(size_t tensor) const { return n_bytes_[tensor]; }
  uint64_t file_bytes() const { return file_bytes_; }

  // Bytes of a tensor from `offset` on. REQUIRES: they lie within it. Every byte is written once. Errors: kFailed.
  Status write(size_t tensor, uint64_t offset, std::span<const std::byte> bytes) const;
  Status finish() { return file_.commit(); }

 private:
  explicit GgufFileWriter(OutputFile file) : file_(std::move(file)) {}

  OutputFile file_;
  std::vector<GgufTensor> tensors_;
  std::vector<uint64_t> offsets_, n_bytes_;  // [n_tensors], offsets from the file's begin
  uint64_t file_bytes_ = 0;
};

}  // namespace bp
