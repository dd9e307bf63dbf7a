#include <fmt/format.h>

#include "base/log.h"
#include "cli/host.h"
#include "cli/output.h"
#include "cli/plugin_search.h"
#include "cli/plugins.h"

namespace bp::cli {

Status verify_plugin(const GlobalOptions& global, const std::string& file) {
  BP_TRY(const auto host, Host::create(global));
  if (global.log_level.empty()) log::set_level(log::Level::kError);  // the verdict says it
  BP_TRY(PluginSearch search, plugin_search(host->config()));
  search.paths = {file};
  search.dirs = {};
  search.use_environment = search.use_default_dirs = false;
  search.fresh = search.probe_open = true;
  const auto registry = PluginRegistry::discover(search, plugin_callbacks(host->config()));
  std::string trouble;
  for (const DeviceInfo& device : std::vector<DeviceInfo>(registry->devices().begin(), registry->devices().end())) {
    if (device.score == 0) continue;
    // The self-test is part of it; where it fails that is the verdict.
    if (const auto opened = registry->open(device.id); !opened) trouble = opened.error().message();
  }
  PluginVerdict verdict = registry->verdicts().front();
  if (verdict.verdict == Verdict::kOk && !trouble.empty()) {
    verdict.verdict = Verdict::kSelftest;
    verdict.reason = trouble;
  }
  if (verdict.verdict == Verdict::kOk) {
    return global.json ? print_json(json::object{{"plugins", json::array{verdict_json(verdict)}}})
                       : print(verdict_text(verdict));
  }
  if (!global.json) {
    BP_TRY_VOID(print(verdict_text(verdict)));
  } else {
    BP_TRY_VOID(print_json(json::object{{"plugins", json::array{verdict_json(verdict)}}}));
  }
  return fail(ErrorCode::kRefused, "", "", "");  // told already
}

}  // namespace bp::cli
