// backplane plugins list
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/host.h"
#include "cli/output.h"

namespace bp::cli {
namespace {

Status list(const GlobalOptions& global) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(const PluginRegistry* registry, host->registry());
  json::array rows;
  std::string text;
  for (const PluginVerdict& plugin : registry->verdicts()) {
    rows.push_back(json::object{{"file", plugin.file},
                                {"name", plugin.name},
                                {"version", plugin.version},
                                {"verdict", verdict_name(plugin.verdict)},
                                {"reason", plugin.reason},
                                {"fix", plugin.fix}});
    text += fmt::format("{:<14} {:<12} {:<10} {}\n", verdict_name(plugin.verdict), plugin.name, plugin.version,
                        plugin.file);
    if (!plugin.reason.empty())
      text += fmt::format("  {}{}{}\n", plugin.reason, plugin.fix.empty() ? "" : "; ", plugin.fix);
  }
  if (rows.empty())
    text =
        "no plugin found; put one into lib/backplane/plugins beside the program, or name a folder with --plugin-dir\n";
  return global.json ? print_json(json::object{{"plugins", rows}}) : print(text);
}

}  // namespace

void add_plugins(CLI::App& app, Invocation& invocation) {
  CLI::App* plugins = app.add_subcommand("plugins", "What became of each plugin file found");
  plugins->require_subcommand(1);
  CLI::App* command = add_command(*plugins, invocation, "list", "List every file found and its verdict",
                                  "backplane plugins list --json");
  command->callback([&invocation] { invocation.work = list; });
}

}  // namespace bp::cli
