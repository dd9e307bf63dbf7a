#include "model/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <tuple>

#include "model/convert_config.h"
#include "model/convert_vocabulary.h"
#include "model/model.h"
#include "model/quantize_plan.h"

namespace bp {
namespace {

// Embeddings, layer after layer, then the rest: the order people read, and in which a model is run.
std::tuple<int, int64_t, std::string_view> place(std::string_view name) {
  constexpr std::string_view kLayer = "blk.";
  if (!name.starts_with(kLayer)) return {name.starts_with("output") ? 2 : 0, 0, name};
  int64_t layer = 0;
  std::from_chars(name.data() + kLayer.size(), name.data() + name.size(), layer);
  return {1, layer, name};
}

bool is_rotated(std::string_view name) {
  return name.ends_with(".attn_q.weight") || name.ends_with(".attn_q.bias") || name.ends_with(".attn_k.weight") ||
         name.ends_with(".attn_k.bias");
}

// Row i of the file: within each head, the rows of the two halves alternate.
std::vector<int64_t> interleaved_rows(int64_t n_rows, int64_t head_dim) {
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < n_rows; ++i) {
    const int64_t in_head = i % head_dim;
    rows.push_back(i - in_head + in_head / 2 + (in_head % 2 == 0 ? 0 : head_dim / 2));
  }
  return rows;
}

TensorJob job_of(const WeightView& view, const ModelConfig& config, bool interleave, const std::optional<DType>& type) {
  const TensorPlan plan = plan_tensor(view, type.value_or(view.dtype), !type);
  TensorJob job{view, {view.name, plan.type, view.dims}, nullptr, {}};
  if (!interleave || !is_rotated(view.name)) return job;
  if (view.dims.size() == 1) job.from.dims = {view.dims[0], 1};  // a bias is rearranged element by element
  job.rows = interleaved_rows(view.dims[0], config.head_dim);
  return job;
}

// The type most elements have.
DType main_type(const std::vector<TensorJob>& jobs) {
  std::map<DType, uint64_t> bytes;
  for (const TensorJob& job : jobs) {
    if (job.to.dims.size() > 1) bytes[job.to.dtype] += job.from.bytes.size();
  }
  const auto largest = std::ranges::max_element(bytes, {}, [](const auto& entry) { return entry.second; });
  return largest == bytes.end() ? DType::kF32 : largest->first;
}

// What the model reads of its folder, in the form GGUF has.
Result<std::vector<WeightView>> used_tensors(const Model& model) {
  BP_TRY(const Graph graph, model.build_graph({}));
  std::vector<WeightView> used;
  for (const HostTensor& tensor : graph.host_tensors) {
    // BERT's graph reads one row of the table that GGUF keeps whole.
    const bool is_type_row = tensor.name == "token_type.weight";
    const WeightView* view = model.weights().find(is_type_row ? "token_types.weight" : tensor.name);
    if (view == nullptr || tensor.name.starts_with("alibi.")) continue;  // computed from the configuration
    if ((!is_float(view->dtype) && !is_block(view->dtype)) || view->dtype == DType::kU4 || view->dtype == DType::kI4) {
      return fail(ErrorCode::kUnsupported, model.path(),
                  fmt::format("tensor {} is {}", tensor.name, dtype_name(view->dtype)),
                  "convert the model as it was before it was quantised");
    }
    used.push_back(*view);
  }
  return used;
}

}  // namespace

Result<QuantizeReport> convert_folder(const std::string& folder, const std::string& out, const ConvertOptions& options,
                                      const WriteOptions& write) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return fail(ErrorCode::kRefused, folder, "is no folder",
                "name a folder with config.json and weights; `backplane quantize` takes GGUF files");
  }
  BP_TRY(const Model model, Model::open(folder));
  BP_TRY(const std::vector<WeightView> used, used_tensors(model));
  BP_TRY(GgufConfig config, config_to_gguf(model.config(), folder));
  const std::string name = std::filesystem::path(folder).lexically_normal().filename().string();
  config.entries.set_text("general.name", name.empty() ? std::string("model") : name);
  QuantizeReport report;
  BP_TRY_VOID(vocabulary_to_gguf(folder, model.config().vocab, config.entries, report.notes));

  std::vector<TensorJob> jobs;
  int64_t n_fallbacks = 0;
  for (const WeightView& view : used) {
    jobs.push_back(job_of(view, model.config(), config.interleaves_rope, options.type));
    if (options.type) n_fallbacks += plan_tensor(view, *options.type, false).is_fallback ? 1 : 0;
  }
  for (const ConfigTensor& tensor : config.tensors) {
    const WeightView view{tensor.name,
                          DType::kF32,
                          {static_cast<int64_t>(tensor.values.size())},
                          std::as_bytes(std::span(tensor.values))};
    jobs.push_back({view, {tensor.name, DType::kF32, view.dims}, nullptr, {}});
  }
  std::ranges::sort(jobs, {}, [](const TensorJob& job) { return place(job.to.name); });
  for (const TensorJob& job : jobs) ++report.tensors[std::string(dtype_name(job.to.dtype))];
  if (n_fallbacks > 0) {
    report.notes.push_back(fmt::format("{} tensors have rows that do not fill blocks of {} and became q8_0 or f16",
                                       n_fallbacks, dtype_name(*options.type)));
  }
  report.type = options.type.value_or(main_type(jobs));
  config.entries.set_u32("general.file_type", gguf_file_type(report.type));
  if (is_block(report.type)) config.entries.set_u32("general.quantization_version", 2);
  BP_TRY(report.n_bytes, write_tensors(out, config.entries, jobs, write));
  return report;
}

}  // namespace bp
