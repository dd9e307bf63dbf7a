// backplane devices
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/host.h"
#include "cli/output.h"

namespace bp::cli {
namespace {

Status devices(const GlobalOptions& global) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(const PluginRegistry* registry, host->registry());
  json::array rows;
  std::string text =
      fmt::format("{:<12} {:<40} {:<10} {:>12} {:>6}  {}\n", "ID", "NAME", "PLUGIN", "MEMORY", "SCORE", "WHY UNUSABLE");
  const auto add = [&](const DeviceInfo& device) {
    rows.push_back(json::object{{"id", device.id},
                                {"name", device.name},
                                {"plugin", device.plugin},
                                {"memory_bytes", device.memory_bytes},
                                {"score", device.score},
                                {"why", device.why}});
    text += fmt::format("{:<12} {:<40} {:<10} {:>8.1f} GiB {:>6}  {}\n", device.id, device.name, device.plugin,
                        static_cast<double>(device.memory_bytes) / (1 << 30), device.score, device.why);
  };
  for (const DeviceInfo& device : registry->devices()) add(device);
  DeviceInfo reference;
  reference.id = "reference";
  reference.name = "the core's own loops, slow and plain";
  reference.score = 1;
  add(reference);
  return global.json ? print_json(json::object{{"devices", rows}}) : print(text);
}

}  // namespace

void add_devices(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      add_command(app, invocation, "devices", "List the devices that plugins see", "backplane devices --json");
  command->callback([&invocation] { invocation.work = devices; });
}

}  // namespace bp::cli
