#include "model/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/json.h"
#include "model/arch/architecture.h"
#include "model/folder_weights.h"
#include "model/quantized_folder.h"
#include "model/sentence_modules.h"
#include "quant/quant.h"

namespace bp {
namespace {

constexpr size_t kMaxJsonBytes = size_t{16} << 20;

// A row of f32 that stands in the file.
Result<std::vector<float>> read_row(const WeightView& view, const std::string& where) {
  if (view.dtype != DType::kF32 || view.dims.size() != 1) {
    return fail(
        ErrorCode::kRefused, where,
        fmt::format("tensor {} is {} {}, not a row of f32", view.name, dtype_name(view.dtype), dims_text(view.dims)),
        "convert the model again");
  }
  std::vector<float> row(static_cast<size_t>(view.dims[0]));  // they are in the file: no mere claim
  decode_row(DType::kF32, view.bytes.data(), row.data(), view.dims[0]);
  return row;
}

// llama.cpp keeps Llama 3's scaled frequencies as a tensor of divisors, and longrope's as two.
Status read_rope_divisors(const Weights& weights, const std::string& where, RopeConfig& rope) {
  const WeightView* long_divisors = weights.find("rope_factors_long.weight");
  const WeightView* short_divisors = weights.find("rope_factors_short.weight");
  if (long_divisors != nullptr && short_divisors != nullptr) {
    rope.type = RopeType::kLongrope;
    BP_TRY(rope.divisors, read_row(*short_divisors, where));
    BP_TRY(rope.long_divisors, read_row(*long_divisors, where));
    return {};
  }
  const WeightView* divisors = weights.find("rope_freqs.weight");
  if (divisors != nullptr) {
    BP_TRY(rope.divisors, read_row(*divisors, where));
  }
  return {};
}

// One id, or a list of them.
Result<std::vector<int64_t>> read_ids(const json::value& value, const std::string& where) {
  std::vector<int64_t> ids;
  const bool is_list = value.is_array();
  for (size_t i = 0; i < (is_list ? value.get_array().size() : 1); ++i) {
    const json::value& id = is_list ? value.get_array()[i] : value;
    if (!id.is_int64() || id.get_int64() < 0) {
      return fail(ErrorCode::kRefused, where, "eos_token_id is neither a token id nor a list of them",
                  "correct the file");
    }
    ids.push_back(id.get_int64());
  }
  return ids;
}

std::vector<int64_t> gguf_end_tokens(const GgufMetadata& metadata) {
  std::vector<int64_t> ids;
  for (const std::string_view key :
       {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    const auto id = metadata.find<int64_t>(key);
    if (id && *id >= 0 && std::ranges::find(ids, *id) == ids.end()) ids.push_back(*id);
  }
  return ids;
}

}  // namespace

Result<Model> Model::open(const std::string& path) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  BP_TRY(auto model, is_folder ? open_folder(path) : open_gguf(path));
  model.path_ = path;
  BP_TRY_VOID(model.finish());
  return model;
}

Result<Model> Model::open_gguf(const std::string& path) {
  if (path.ends_with(".safetensors") || path.ends_with(".json")) {
    return fail(ErrorCode::kRefused, path, "is one file of a model folder", "name the folder");
  }
  BP_TRY(auto file, GgufFile::open(path));
  BP_TRY(auto config, read_gguf_config(file.metadata()));
  BP_TRY(auto weights, Weights::from_gguf(std::move(file)));
  BP_TRY_VOID(read_rope_divisors(weights, path, config.rope));
  const WeightView* embedding = weights.find("token_embd.weight");
  if (embedding == nullptr) {
    return fail(ErrorCode::kRefused, path, "tensor token_embd.weight is missing",
                "the model is incomplete, download it again");
  }
  if (config.vocab == 0) config.vocab = embedding->dims.front();
  config.tied_head = weights.find("output.weight") == nullptr;
  Model model(std::move(weights));
  model.config_ = std::move(config);
  return model;
}

Result<Model> Model::open_folder(const std::string& folder) {
  const std::string config_path = folder + "/config.json";
  BP_TRY(const auto text, read_text_file(config_path, kMaxJsonBytes));
  BP_TRY(auto config, read_hf_config(text, config_path));
  if (config.pooling != Pooling::kOff) BP_TRY_VOID(read_sentence_modules(folder, config));
  BP_TRY(auto weights, Weights::from_folder(folder));
  remove_activation_scales(config.quant, weights);
  BP_TRY_VOID(take_gguf_names(architecture_of(config).names, config, folder, weights));
  BP_TRY_VOID(unpack_quantized(config.quant, weights));
  Model model(std::move(weights));
  model.config_ = std::move(config);
  model.folder_ = folder;
  return model;
}

Status Model::finish() {
  BP_TRY_VOID(check_config(config_, path_));
  const Architecture& architecture = architecture_of(config_);
  if (architecture.adapt != nullptr) BP_TRY_VOID(architecture.adapt(config_, weights_));
  rope_.global = compute_rope(config_.rope);
  if (config_.has_local_rope) rope_.local = compute_rope(config_.local_rope);
  // Whatever the graph needs of the weights is asked for here, once, rather than when it runs.
  BP_TRY_VOID(build_graph({}));
  return {};
}

int Model::rope_switch() const {
  return rope_.global.n_variants > 1 ? static_cast<int>(std::min<int64_t>(config_.rope.original_context, INT32_MAX))
                                     : 0;
}

std::string Model::folder_file(const std::string& name) const {
  if (folder_.empty()) return {};
  std::string path = folder_ + "/" + name;
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) ? path : std::string();
}

Result<std::vector<int64_t>> Model::end_tokens() const {
  if (gguf() != nullptr) return gguf_end_tokens(gguf()->metadata());
  for (const char* name : {"generation_config.json", "config.json"}) {
    const std::string path = folder_file(name);
    if (path.empty()) continue;
    BP_TRY(const auto text, read_text_file(path, kMaxJsonBytes));
    BP_TRY(const auto value, parse_json(text, path));
    const json::value* ids = value.is_object() ? value.get_object().if_contains("eos_token_id") : nullptr;
    if (ids != nullptr && !ids->is_null()) return read_ids(*ids, path);
  }
  return std::vector<int64_t>{};
}

Result<Graph> Model::build_graph(const GraphOptions& options) const {
  return architecture_of(config_).build({config_, weights_, rope_, options, path_});
}

}  // namespace bp
