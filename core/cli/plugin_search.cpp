#include "cli/plugin_search.h"

#include <fmt/format.h>

#include <algorithm>

#include "compile/self_test.h"
#include "config/plugin_options.h"
#include "graph/opset.h"

namespace bp::cli {
namespace {

Result<PluginPin> parse_pin(const std::string& text) {
  const size_t equals = text.find('=');
  PluginPin pin{text.substr(0, equals), equals == std::string::npos ? "" : text.substr(equals + 1)};
  std::ranges::transform(pin.sha256, pin.sha256.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  const bool is_hash = pin.sha256.size() == 64 && std::ranges::all_of(pin.sha256, [](char c) {
                         return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                       });
  if (!pin.plugin.empty() && is_hash) return pin;
  return fail(ErrorCode::kConfig, "plugins.sha256", fmt::format("\"{}\" is no pin", text),
              "write NAME=HASH with the 64 hexadecimal digits that sha256sum prints");
}

}  // namespace

Result<PluginSearch> plugin_search(const Config& config) {
  PluginSearch search{.paths = config.plugins.paths, .dirs = config.plugins.dirs, .allow = config.plugins.allow};
  for (const std::string& text : config.plugins.sha256) {
    BP_TRY(PluginPin pin, parse_pin(text));
    search.pins.push_back(std::move(pin));
  }
  search.cache_dir = config.models.cache_dir;
  search.probe = config.plugins.probe == "off"        ? ProbeMode::kOff
                 : config.plugins.probe == "required" ? ProbeMode::kRequired
                                                      : ProbeMode::kAuto;
  search.probe_timeout_ms = config.plugins.probe_timeout_ms;
  return search;
}

HostCallbacks plugin_callbacks(const Config& config) {
  HostCallbacks callbacks;
  callbacks.ops = op_names();
  callbacks.option = [&config](std::string_view plugin, std::string_view key) {
    return plugin_option(config, plugin, key);
  };
  callbacks.self_test = self_test;
  return callbacks;
}

}  // namespace bp::cli
