#include "model/importance.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "model/gguf.h"
#include "model/gguf_file_writer.h"

namespace bp {
namespace {

constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";

std::vector<float> floats_of(const WeightView& view) {
  std::vector<float> values(view.bytes.size() / sizeof(float));
  std::memcpy(values.data(), view.bytes.data(), values.size() * sizeof(float));
  return values;
}

std::unexpected<Error> refuse(const std::string& path, std::string what) {
  return fail(ErrorCode::kRefused, path, std::move(what),
              "make it with `backplane eval MODEL --text FILE --imatrix OUT`");
}

Result<Importance> read_weight(const GgufFile& file, const std::string& name, const WeightView& sums,
                               const WeightView* counts) {
  const bool whole = counts != nullptr && sums.dtype == DType::kF32 && counts->dtype == DType::kF32;
  if (!whole || sums.dims.size() > 2) return refuse(file.path(), fmt::format("has no sums and counts of {}", name));
  Importance importance;
  importance.n_columns = sums.dims.back();
  importance.n_matrices = sums.dims.size() == 2 ? sums.dims[0] : 1;
  for (const float count : floats_of(*counts)) {
    if (!(count >= 0.0f && count < 0x1p60f))
      return refuse(file.path(), fmt::format("counts {} rows of {}", count, name));
    importance.counts.push_back(static_cast<int64_t>(count));
  }
  if (static_cast<int64_t>(importance.counts.size()) != importance.n_matrices) {
    return refuse(file.path(), fmt::format("has {} counts for {} matrices of {}", importance.counts.size(),
                                           importance.n_matrices, name));
  }
  for (const float sum : floats_of(sums)) {
    if (!(std::isfinite(sum) && sum >= 0.0f)) return refuse(file.path(), fmt::format("holds {} for {}", sum, name));
    importance.sums.push_back(static_cast<double>(sum));
  }
  return importance;
}

}  // namespace

std::vector<float> Importance::means(int64_t matrix) const {
  if (matrix >= n_matrices) matrix = 0;
  std::vector<float> values(static_cast<size_t>(n_columns), 0.0f);
  const auto count = static_cast<double>(counts[static_cast<size_t>(matrix)]);
  for (size_t i = 0; count > 0 && i < values.size(); ++i) {
    values[i] = static_cast<float>(sums[static_cast<size_t>(matrix * n_columns) + i] / count);
  }
  return values;
}

Result<ImportanceMatrix> read_importance(const std::string& path) {
  BP_TRY(const GgufFile file, GgufFile::open(path));
  if (file.metadata().find<std::string_view>("general.type") != "imatrix") {
    return refuse(path, "is no importance matrix (general.type)");
  }
  std::map<std::string_view, const WeightView*> by_name;
  for (const WeightView& tensor : file.tensors()) by_name.emplace(tensor.name, &tensor);
  ImportanceMatrix matrix;
  for (const WeightView& tensor : file.tensors()) {
    if (!tensor.name.ends_with(kSums)) continue;
    const std::string name = tensor.name.substr(0, tensor.name.size() - kSums.size());
    const auto counts = by_name.find(name + std::string(kCounts));
    BP_TRY(auto importance, read_weight(file, name, tensor, counts == by_name.end() ? nullptr : counts->second));
    matrix.weights.emplace(name, std::move(importance));
  }
  if (matrix.weights.empty()) return refuse(path, "holds no importances");
  BP_TRY(matrix.n_chunks, file.metadata().get_or<int64_t>("imatrix.chunk_count", 0));
  BP_TRY(matrix.chunk_tokens, file.metadata().get_or<int64_t>("imatrix.chunk_size", 0));
  if (file.metadata().has("imatrix.datasets")) {
    BP_TRY(const auto datasets, file.metadata().strings("imatrix.datasets"));
    if (!datasets.empty()) matrix.dataset = std::string(datasets[0]);
  }
  return matrix;
}

Status write_importance(const std::string& path, const ImportanceMatrix& matrix) {
  GgufEntries entries;
  entries.set_text("general.type", "imatrix");
  entries.set_texts("imatrix.datasets", std::vector{matrix.dataset});
  entries.set_u32("imatrix.chunk_count", static_cast<uint32_t>(matrix.n_chunks));
  entries.set_u32("imatrix.chunk_size", static_cast<uint32_t>(matrix.chunk_tokens));
  std::vector<GgufTensor> tensors;
  std::vector<std::vector<float>> values;
  for (const auto& [name, importance] : matrix.weights) {
    tensors.push_back({name + std::string(kSums), DType::kF32, {importance.n_matrices, importance.n_columns}});
    values.emplace_back(importance.sums.begin(), importance.sums.end());
    tensors.push_back({name + std::string(kCounts), DType::kF32, {importance.n_matrices, 1}});
    values.emplace_back(importance.counts.begin(), importance.counts.end());
  }
  BP_TRY(auto writer, GgufFileWriter::create(path, entries, std::move(tensors)));
  for (size_t i = 0; i < values.size(); ++i) BP_TRY_VOID(writer.write(i, 0, std::as_bytes(std::span(values[i]))));
  return writer.finish();
}

}  // namespace bp
