// An importance matrix: for each weight, how large the inputs of its columns are, in the mean of squares over a text.
// The file is a GGUF as llama.cpp's tools write it ("general.type" = "imatrix"; for each weight NAME the tensors
// NAME.in_sum2 [n_matrices, columns] and NAME.counts [n_matrices, 1], both f32). Thread-safe once read.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bp {

struct Importance {
  int64_t n_matrices = 0;       // experts of the weight, or 1
  int64_t n_columns = 0;        // inputs of the weight
  std::vector<double> sums;     // [n_matrices, n_columns] Σ x^2
  std::vector<int64_t> counts;  // [n_matrices] rows that were summed

  // The mean squares of one matrix, zeros where nothing was counted. `matrix` beyond n_matrices means the only one.
  std::vector<float> means(int64_t matrix) const;
};

struct ImportanceMatrix {
  std::map<std::string, Importance, std::less<>> weights;
  std::string dataset;   // what it was made of
  int64_t n_chunks = 0;  // pieces of the text, each
  int64_t chunk_tokens = 0;
};

// Errors: kRefused for a file that is no GGUF, no importance matrix, or whose numbers are negative or not finite.
Result<ImportanceMatrix> read_importance(const std::string& path);
// Errors: as GgufFileWriter.
Status write_importance(const std::string& path, const ImportanceMatrix& matrix);

}  // namespace bp
