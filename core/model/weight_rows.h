// Reads a matrix of a model row by row as float32, whatever it is stored as: plain, in blocks, or with scales, zeros
// and a permutation beside it (quantized_folder.h). Not thread-safe: it keeps a row. Valid as long as the Weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/weights.h"

namespace bp {

class WeightRows {
 public:
  // `stem`.weight [.., rows, columns] and what stands beside it. Errors: kRefused where it is missing or no matrix,
  // kUnsupported for a type that cannot be read.
  static Result<WeightRows> open(const Weights& weights, const std::string& stem);

  int64_t n_rows() const { return n_rows_; }
  int64_t n_columns() const { return n_columns_; }
  // Of the elements as stored.
  DType dtype() const { return weight_->dtype; }
  bool is_quantized() const;
  // dst [n_columns]. REQUIRES: row is in [0, n_rows).
  void read(int64_t row, float* dst);

 private:
  const WeightView* weight_ = nullptr;
  const WeightView* scales_ = nullptr;  // null: none
  const WeightView* zeros_ = nullptr;
  const WeightView* perm_ = nullptr;
  int64_t n_rows_ = 0;
  int64_t n_columns_ = 0;
  std::vector<float> row_, row_scales_, row_zeros_;
};

}  // namespace bp
