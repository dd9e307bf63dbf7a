#include "model/quantize.h"

#include <fmt/format.h>

#include "model/gguf.h"
#include "model/quantize_plan.h"
#include "quant/quant.h"

namespace bp {
namespace {

// The metadata of the model, but what speaks of its types and its shards.
GgufEntries entries_of(const GgufMetadata& metadata, const QuantizeOptions& options, size_t n_importances) {
  GgufEntries entries;
  for (const auto& [key, value] : metadata.entries()) {
    if (key == "general.file_type") {
      entries.set_u32(key, gguf_file_type(options.type));
    } else if (!key.starts_with("split.") && !key.starts_with("quantize.") && key != "general.alignment" &&
               key != "general.quantization_version") {
      entries.copy(key, value);
    }
  }
  entries.set_u32("general.file_type", gguf_file_type(options.type));
  entries.set_u32("general.quantization_version", 2);
  if (!options.importance.empty()) {
    entries.set_text("quantize.imatrix.file", options.importance);
    entries.set_u32("quantize.imatrix.entries_count", static_cast<uint32_t>(n_importances));
  }
  return entries;
}

Result<const Importance*> importance_for(const ImportanceMatrix& matrix, const WeightView& tensor,
                                         const std::string& where) {
  const auto found = matrix.weights.find(tensor.name);
  if (found == matrix.weights.end()) return nullptr;
  const Importance& importance = found->second;
  const int64_t n_matrices = tensor.dims.size() == 3 ? tensor.dims[0] : 1;
  if (importance.n_columns == tensor.dims.back() &&
      (importance.n_matrices == 1 || importance.n_matrices == n_matrices)) {
    return &importance;
  }
  return fail(ErrorCode::kRefused, where,
              fmt::format("has {} x {} importances for tensor {} {}", importance.n_matrices, importance.n_columns,
                          tensor.name, dims_text(tensor.dims)),
              "the importance matrix is of another model; make one of this model");
}

}  // namespace

Result<QuantizeReport> quantize_gguf(const std::string& in, const std::string& out, const QuantizeOptions& options,
                                     const WriteOptions& write) {
  BP_TRY(const GgufFile file, GgufFile::open(in));
  ImportanceMatrix matrix;
  if (!options.importance.empty()) {
    BP_TRY(matrix, read_importance(options.importance));
  }
  QuantizeReport report;
  report.type = options.type;
  std::vector<TensorJob> jobs;
  int64_t n_fallbacks = 0, n_again = 0, n_importances = 0;
  for (const WeightView& tensor : file.tensors()) {
    const TensorPlan plan = plan_tensor(tensor, options.type, options.pure);
    TensorJob job{tensor, {tensor.name, plan.type, tensor.dims}, nullptr, {}};
    if (plan.type != tensor.dtype && is_block(plan.type)) {
      BP_TRY(job.importance, importance_for(matrix, tensor, options.importance));
    }
    n_fallbacks += plan.is_fallback ? 1 : 0;
    n_again += is_block(tensor.dtype) && plan.type != tensor.dtype ? 1 : 0;
    n_importances += job.importance != nullptr ? 1 : 0;
    ++report.tensors[std::string(dtype_name(plan.type))];
    jobs.push_back(std::move(job));
  }
  if (!options.importance.empty() && n_importances == 0) {
    return fail(ErrorCode::kRefused, options.importance, fmt::format("names no tensor that {} would quantise", in),
                "make an importance matrix of this model");
  }
  if (n_fallbacks > 0) {
    report.notes.push_back(fmt::format("{} tensors have rows that do not fill blocks of {} and became q8_0 or f16",
                                       n_fallbacks, dtype_name(options.type)));
  }
  if (n_again > 0) {
    report.notes.push_back(
        fmt::format("{} tensors were quantised already: begin with f16, bf16 or f32 for the best result", n_again));
  }
  const auto entries = entries_of(file.metadata(), options, matrix.weights.size());
  BP_TRY(report.n_bytes, write_tensors(out, entries, jobs, write));
  return report;
}

}  // namespace bp
