#include "compile/tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/sha256.h"

namespace bp {
namespace {

std::string hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// Each plugin that has kernels on the device.
std::set<std::string> plugin_files(const Device& device) {
  std::set<std::string> files;
  for (const bp_kernel* kernel : device.kernels()) files.insert(device.plugin_file_of(*kernel));
  return files;
}

std::vector<std::string> seed_files(const Device& device) {
  std::vector<std::string> seeds;
  for (const std::string& file : plugin_files(device)) {
    const bool is_library = file.size() > 3 && file.ends_with(".so");
    seeds.push_back((is_library ? file.substr(0, file.size() - 3) : file) + ".tune.jsonl");
  }
  return seeds;
}

std::string extent_text(const Graph& graph, const Extent& extent) {
  if (extent.is_static()) return fmt::format("{}", extent.value);
  return fmt::format("{}..{}", graph.min_size(extent), graph.max_size(extent));
}

}  // namespace

std::string tuning_problem(const Graph& graph, const Match& match, std::span<const std::string> layouts) {
  std::string text;
  for (size_t i = 0; i < match.slots.size(); ++i) {
    if (i > 0) text += ' ';
    if (match.slots[i] == kNone) {
      text += '-';
      continue;
    }
    const Value& value = graph.value(match.slots[i]);
    text += dtype_name(value.dtype);
    text += '[';
    for (size_t d = 0; d < value.dims.size(); ++d) text += (d > 0 ? "," : "") + extent_text(graph, value.dims[d]);
    text += ']';
    if (i < layouts.size() && !layouts[i].empty()) text += "@" + layouts[i];
  }
  return text;
}

const bp_tunable& tunable_at(const bp_kernel& kernel, size_t index) {
  return *reinterpret_cast<const bp_tunable*>(reinterpret_cast<const std::byte*>(kernel.tunable) +
                                              index * kernel.tunable_stride);
}

std::vector<int64_t> default_config(const bp_kernel& kernel) {
  std::vector<int64_t> config;
  for (size_t i = 0; i < kernel.n_tunable; ++i) config.push_back(tunable_at(kernel, i).value[0]);
  return config;
}

std::string config_text(const bp_kernel& kernel, std::span<const int64_t> config) {
  std::string text;
  for (size_t i = 0; i < kernel.n_tunable; ++i) {
    const bp_tunable& tunable = tunable_at(kernel, i);
    text += fmt::format("{}{}={}", i > 0 ? " " : "", tunable.name, config.empty() ? tunable.value[0] : config[i]);
  }
  return text;
}

Tuning::Tuning(Device& device, std::string folder, bool deterministic)
    : device_(device),
      deterministic_(deterministic),
      fingerprint_(hex(device.info().fingerprint)),
      cache_(std::move(folder), fingerprint_, seed_files(device)) {}

const std::string& Tuning::hash_of(const std::string& file) {
  const auto known = hashes_.find(file);
  if (known != hashes_.end()) return known->second;
  auto hash = sha256_of_file(file);
  if (!hash.has_value()) log::warn("tuning: {}: its results are left out", hash.error().message());
  return hashes_[file] = std::move(hash).value_or("");
}

TuningKey Tuning::key(const bp_kernel& kernel, const std::string& problem) {
  return {hash_of(device_.plugin_file_of(kernel)), kernel.id, fingerprint_, problem};
}

std::string Tuning::trial_name(const bp_kernel& kernel, const std::string& problem, std::span<const int64_t> config) {
  const TuningKey of = key(kernel, problem);
  return fmt::format("{} {} {} {} {}", of.plugin, of.device, of.kernel, of.problem, config_text(kernel, config));
}

std::string Tuning::journal_path() const { return cache_.folder() + "/" + fingerprint_.substr(0, 16) + ".journal"; }

const TuningEntry* Tuning::find(const bp_kernel& kernel, const std::string& problem) {
  return kernel.n_tunable == 0 || cache_.size() == 0 ? nullptr : cache_.find(key(kernel, problem));
}

std::vector<std::string> Tuning::take_missing() {
  const std::set<std::string> missing = std::exchange(missing_, {});
  return {missing.begin(), missing.end()};
}

std::vector<int64_t> Tuning::config(const bp_kernel& kernel, const std::string& problem) {
  const TuningEntry* entry = find(kernel, problem);
  if (entry == nullptr && kernel.n_tunable > 0) missing_.insert(fmt::format("{} {}", kernel.id, problem));
  if (entry == nullptr) return {};
  std::vector<int64_t> config = default_config(kernel);
  const auto refuse = [&](std::string_view why) {
    log::warn("tuning: kernel {}, {}: {}; the default is used", kernel.id, problem, why);
    return std::vector<int64_t>{};
  };
  if (entry->config.size() != kernel.n_tunable) return refuse("the entry has other tunables");
  for (size_t i = 0; i < kernel.n_tunable; ++i) {
    const bp_tunable& tunable = tunable_at(kernel, i);
    const auto value = std::ranges::find(entry->config, std::string_view(tunable.name), &TunedValue::tunable);
    if (value == entry->config.end()) return refuse("the entry has other tunables");
    const std::span<const int64_t> domain(tunable.value, tunable.n);
    if (std::ranges::find(domain, value->value) == domain.end())
      return refuse(fmt::format("{} = {} is none of its values", tunable.name, value->value));
    if (!deterministic_ || (tunable.flags & BP_TUN_BITS) == 0) config[i] = value->value;
  }
  return config;
}

bool Tuning::knows(const bp_kernel& kernel) {
  if (kernel.n_tunable == 0 || cache_.size() == 0) return false;
  return cache_.has(hash_of(device_.plugin_file_of(kernel)), kernel.id);
}

std::optional<double> Tuning::tuned_us(const bp_kernel& kernel, const std::string& problem) {
  const TuningEntry* entry = find(kernel, problem);
  return entry == nullptr ? std::nullopt : std::optional(entry->us);
}

}  // namespace bp
