// backplane config show | check | docs
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/host.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "config/load.h"
#include "config/problem.h"
#include "config/show.h"

namespace bp::cli {
namespace {

Status show(const GlobalOptions& global) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY_VOID(host->registry());  // the options of plugins are settings, too
  return global.json ? print_json(config_to_json(host->config())) : print(config_to_text(host->config()));
}

Status check(const GlobalOptions& global) {
  auto config = load_config(load_inputs(global));
  std::vector<ConfigProblem> problems;
  if (!config.has_value()) {
    problems = config.error();
  } else {
    BP_TRY(const auto host, Host::create(global));
    if (const auto registry = host->registry(); !registry.has_value()) return std::unexpected(registry.error());
  }
  if (!problems.empty() && !global.json) {
    for (const ConfigProblem& problem : problems) BP_TRY_VOID(print(problem.text() + "\n"));
    return fail(ErrorCode::kConfig, "config",
                fmt::format("has {} problem{}", problems.size(), problems.size() == 1 ? "" : "s"),
                "see docs/config.md");
  }
  if (!problems.empty()) {
    BP_TRY_VOID(print_json(problems_to_json(problems)));
    return fail(ErrorCode::kConfig, "", "", "");  // told already
  }
  return global.json ? print_json(problems_to_json({}))
                     : print(fmt::format("{}: no problems\n", config->file.empty() ? "defaults" : config->file));
}

Status docs(const GlobalOptions& global) {
  return global.json ? print_json(json::object{{"markdown", config_docs()}}) : print(config_docs());
}

}  // namespace

void add_config(CLI::App& app, Invocation& invocation) {
  CLI::App* config = app.add_subcommand("config", "Show, check or document the configuration");
  config->require_subcommand(1);
  add_command(*config, invocation, "show", "Each value and where it came from", "backplane config show --json")
      ->callback([&invocation] { invocation.work = show; });
  add_command(*config, invocation, "check", "Every problem at once, with line and column",
              "backplane config check --config backplane.toml")
      ->callback([&invocation] { invocation.work = check; });
  add_command(*config, invocation, "docs", "The reference page, docs/config.md",
              "backplane config docs > docs/config.md")
      ->callback([&invocation] { invocation.work = docs; });
}

}  // namespace bp::cli
