// backplane plugins list | doctor | verify FILE | kernels
#include "cli/plugins.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json/value_from.hpp>
#include <memory>

#include "cli/host.h"
#include "cli/output.h"
#include "plugin_host/pipeline.h"

namespace bp::cli {

json::object verdict_json(const PluginVerdict& verdict) {
  return {{"file", verdict.file},       {"name", verdict.name},
          {"version", verdict.version}, {"verdict", verdict_name(verdict.verdict)},
          {"reason", verdict.reason},   {"fix", verdict.fix}};
}

std::string verdict_text(const PluginVerdict& verdict) {
  std::string text = fmt::format("{:<14} {:<12} {:<10} {}\n", verdict_name(verdict.verdict), verdict.name,
                                 verdict.version, verdict.file);
  if (!verdict.reason.empty())
    text += fmt::format("  {}{}{}\n", verdict.reason, verdict.fix.empty() ? "" : "; ", verdict.fix);
  return text;
}

namespace {

Status list(const GlobalOptions& global) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(const PluginRegistry* registry, host->registry());
  json::array rows;
  std::string text;
  for (const PluginVerdict& plugin : registry->verdicts()) {
    rows.push_back(verdict_json(plugin));
    text += verdict_text(plugin);
  }
  if (rows.empty())
    text =
        "no plugin found; put one into lib/backplane/plugins beside the program, or name a folder with --plugin-dir\n";
  return global.json ? print_json(json::object{{"plugins", rows}}) : print(text);
}

std::string or_none(const std::string& text) { return text.empty() ? "none" : text; }

// What list shows, the reason and what to do on lines of their own, and what the host stands on.
Status doctor(const GlobalOptions& global) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(const PluginRegistry* registry, host->registry());
  const std::string helper = registry->probe_helper();
  const std::string cache = plugin_cache_folder(host->config().models.cache_dir);
  json::array rows, folders;
  std::string text;
  size_t n_refused = 0;
  for (const PluginVerdict& plugin : registry->verdicts()) {
    rows.push_back(verdict_json(plugin));
    n_refused += plugin.verdict != Verdict::kOk;
    text += fmt::format("{}\n  verdict  {}\n", plugin.file, verdict_name(plugin.verdict));
    if (!plugin.name.empty()) text += fmt::format("  plugin   {} {}\n", plugin.name, plugin.version);
    if (!plugin.reason.empty()) text += fmt::format("  reason   {}\n", plugin.reason);
    if (!plugin.fix.empty()) text += fmt::format("  fix      {}\n", plugin.fix);
    for (const DeviceInfo& device : registry->devices()) {
      if (device.plugin == plugin.name && plugin.verdict == Verdict::kOk) {
        text += fmt::format("  device   {} {}{}\n", device.id, device.name,
                            device.score > 0 ? "" : ": unusable, " + device.why);
      }
    }
  }
  for (const std::string& place : registry->places()) folders.emplace_back(place);
  text += fmt::format("{} file{} found, {} refused\nlooked in     {}\nprobe helper  {}\ncopies kept   {}\n",
                      rows.size(), rows.size() == 1 ? "" : "s", n_refused, fmt::join(registry->places(), ", "),
                      or_none(helper), or_none(cache));
  if (!global.json) return print(text);
  return print_json(json::object{{"plugins", rows}, {"folders", folders}, {"probe_helper", helper}, {"cache", cache}});
}

}  // namespace

void add_plugins(CLI::App& app, Invocation& invocation) {
  CLI::App* plugins = app.add_subcommand("plugins", "What became of each plugin file found");
  plugins->require_subcommand(1);
  add_command(*plugins, invocation, "list", "List every file found and its verdict", "backplane plugins list --json")
      ->callback([&invocation] { invocation.work = list; });
  add_command(*plugins, invocation, "doctor",
              "Each file's verdict with its reason and what to do, and where was looked", "backplane plugins doctor")
      ->callback([&invocation] { invocation.work = doctor; });
  const auto file = std::make_shared<std::string>();
  CLI::App* verify = add_command(*plugins, invocation, "verify",
                                 "Examine one file anew, trying its devices; exit code 3 where it is refused",
                                 "backplane plugins verify ./mychip.so");
  verify->add_option("FILE", *file, "The plugin")->required();
  verify->callback([&invocation, file] {
    invocation.work = [file](const GlobalOptions& global) { return verify_plugin(global, *file); };
  });
  add_command(*plugins, invocation, "kernels", "The kernels of each device", "backplane plugins kernels --device cpu:0")
      ->callback([&invocation] { invocation.work = list_kernels; });
}

}  // namespace bp::cli
