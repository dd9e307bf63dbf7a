#include "cli/settings.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "base/log.h"
#include "base/progress.h"
#include "config/plugin_options.h"
#include "config/problem.h"
#include "zoo/manifest.h"

namespace bp::cli {

LoadInputs load_inputs(const GlobalOptions& options) {
  LoadInputs inputs;
  if (!options.config.empty()) inputs.file = options.config;
  inputs.environment = process_environment();
  if (!options.devices.empty()) inputs.flags["device.use"] = options.devices;
  if (!options.plugin_dirs.empty()) inputs.flags["plugins.dirs"] = options.plugin_dirs;
  if (!options.log_level.empty()) inputs.flags["log.level"] = {options.log_level};
  for (const std::string& setting : options.settings) {
    const size_t equals = setting.find('=');
    inputs.flags[setting.substr(0, equals)] = {equals == std::string::npos ? "" : setting.substr(equals + 1)};
  }
  return inputs;
}

Result<Config> read_settings(const GlobalOptions& options) {
  auto config = load_config(load_inputs(options));
  if (!config.has_value()) return std::unexpected(config_error(config.error()));
  return std::move(*config);
}

Status check_plugin_settings(Config& config, std::span<const PluginOptions> plugins) {
  std::vector<PluginOptionTable> tables;
  for (const PluginOptions& plugin : plugins) {
    PluginOptionTable table{plugin.plugin, {}};
    for (const PluginOption& option : plugin.options) {
      table.options.push_back(
          plugin_option_spec({option.key, option.type, option.default_value, option.min, option.max, option.doc}));
    }
    tables.push_back(std::move(table));
  }
  const PluginCheck check = check_plugin_options(config, tables);
  for (const ConfigProblem& warning : check.warnings) log::warn("{}", warning.text());
  if (check.problems.empty()) return {};
  return std::unexpected(config_error(check.problems));
}

PullOptions pull_options(const Config& config, bool progress, std::stop_token stop) {
  PullOptions options;
  options.models_dir = config.models.dir;
  options.sources = config.zoo.sources;
  options.hub_url = config.zoo.hub_url;
  options.python = config.zoo.python;
  options.connect_timeout_ms = config.zoo.connect_timeout_ms;
  options.stall_timeout_ms = config.zoo.stall_timeout_ms;
  options.stop = std::move(stop);
  options.show_terms = [](const ZooModel& model) {
    fmt::print(stderr, "{}: licence {}. {}\n", model.name, model.licence, model.terms);
  };
  const auto bar = std::make_shared<std::optional<Progress>>();
  const auto label = std::make_shared<std::string>();
  options.progress = [bar, label, progress](std::string_view what, uint64_t done, uint64_t total) {
    if (!*bar || *label != what) {  // another phase, another bar
      *label = what;
      bar->emplace(progress_style(!progress), *label, total);
    }
    (*bar)->update(done);
    if (total > 0 && done == total) (*bar)->finish();
  };
  return options;
}

std::string zoo_names() {
  std::string names;
  for (const ZooModel& model : zoo_models()) names += (names.empty() ? "" : ", ") + model.name;
  return names;
}

}  // namespace bp::cli
