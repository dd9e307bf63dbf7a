#include "model/folder_weights.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace bp {
namespace {

using Experts = std::map<int64_t, WeightView>;

// The layer whose tensor that is, by where the table has layers.
std::optional<int64_t> layer_of(const TensorNames& names, std::string_view name) {
  for (const TensorName& line : names.table) {
    const size_t number = line.hf.find("{}");
    if (number == std::string_view::npos) continue;
    const std::string_view start = line.hf.substr(0, number);
    std::string_view rest = name;
    for (const std::string_view prefix : names.prefixes) {
      if (!name.starts_with(prefix)) continue;
      rest = name.substr(prefix.size());
      break;
    }
    if (!rest.starts_with(start)) continue;
    int64_t layer = 0;
    rest.remove_prefix(start.size());
    if (std::from_chars(rest.data(), rest.data() + rest.size(), layer).ec == std::errc()) return layer;
  }
  return std::nullopt;
}

bool is_spare(const ModelConfig& config, std::optional<int64_t> layer) {
  return layer && *layer >= config.n_layers && *layer - config.n_layers < config.n_spare_layers;
}

Status join(const std::string& name, const Experts& experts, int64_t n_experts, const std::string& where,
            Weights& weights) {
  const WeightView& first = experts.begin()->second;
  if (static_cast<int64_t>(experts.size()) != n_experts || experts.rbegin()->first != n_experts - 1) {
    return fail(ErrorCode::kRefused, where,
                fmt::format("{} has {} experts, the configuration says {}", name, experts.size(), n_experts),
                "the model is incomplete, download it again");
  }
  std::vector<int64_t> dims = {n_experts};
  dims.insert(dims.end(), first.dims.begin(), first.dims.end());
  BP_TRY(const std::span<std::byte> joined, weights.make(name, first.dtype, dims));
  size_t at = 0;
  for (const auto& [expert, view] : experts) {
    if (view.dtype != first.dtype || view.dims != first.dims) {
      return fail(ErrorCode::kRefused, where,
                  fmt::format("tensor {} is {} {}, that of expert 0 {} {}", view.name, dtype_name(view.dtype),
                              dims_text(view.dims), dtype_name(first.dtype), dims_text(first.dims)),
                  "download the model again");
    }
    std::memcpy(joined.data() + at, view.bytes.data(), view.bytes.size());
    at += view.bytes.size();
  }
  return {};
}

Status rename(const TensorNames& names, const ModelConfig& config, const std::string& where, bool strict,
              Weights& weights) {
  std::vector<std::string> all;
  for (const auto& [name, view] : weights.all()) all.push_back(name);
  std::map<std::string, Experts> joined;
  std::vector<WeightView> renamed;
  for (const std::string& name : all) {
    const auto layer = layer_of(names, name);
    if (is_ignored(names, name) || is_spare(config, layer)) {
      weights.remove(name);
      continue;
    }
    auto found = gguf_name_of(names, name);
    if (!found) {
      if (!strict || !layer) continue;
      return fail(
          ErrorCode::kUnsupported, where,
          fmt::format("tensor {} is no part of a {} model of {} layers", name, config.architecture, config.n_layers),
          "this variant of the architecture is not supported");
    }
    WeightView view = *weights.take(name);
    if (found->expert) {
      joined[found->name].emplace(*found->expert, std::move(view));
      continue;
    }
    view.name = found->name;
    renamed.push_back(std::move(view));
  }
  for (WeightView& view : renamed) {
    if (weights.find(view.name) != nullptr) {
      return fail(ErrorCode::kRefused, where, fmt::format("tensor {} is there twice", view.name),
                  "download the model again");
    }
    weights.add(std::move(view));
  }
  for (const auto& [name, experts] : joined) {
    BP_TRY_VOID(join(name, experts, config.experts.n_experts, where, weights));
  }
  return {};
}

}  // namespace

void remove_spare_layers(const ModelConfig& config, Weights& weights) {
  for (int64_t i = 0; i < config.n_spare_layers; ++i) {
    const std::string start = fmt::format("blk.{}.", config.n_layers + i);
    std::vector<std::string> spare;
    for (auto it = weights.all().lower_bound(start); it != weights.all().end() && it->first.starts_with(start); ++it) {
      spare.push_back(it->first);
    }
    for (const std::string& name : spare) weights.remove(name);
  }
}

Status take_gguf_names(const TensorNames& names, const ModelConfig& config, const std::string& where,
                       Weights& weights) {
  return rename(names, config, where, true, weights);
}

Status join_experts(const TensorNames& names, const ModelConfig& config, const std::string& where, Weights& weights) {
  return rename(names, config, where, false, weights);
}

}  // namespace bp
