#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/log.h"
#include "cli/host.h"
#include "cli/output.h"
#include "cli/plugins.h"
#include "compile/kernel_table.h"

namespace bp::cli {
namespace {

std::string text_of(const char* text) { return text == nullptr ? "" : text; }

const bp_tunable& tunable_at(const bp_kernel& kernel, uint32_t i) {
  const auto* at = reinterpret_cast<const std::byte*>(kernel.tunable) + static_cast<size_t>(i) * kernel.tunable_stride;
  return *reinterpret_cast<const bp_tunable*>(at);
}

json::object row_json(const Device& device, const bp_kernel& kernel, const std::string& left_out) {
  json::object tunables;
  for (uint32_t i = 0; i < kernel.n_tunable; ++i) {
    const bp_tunable& tunable = tunable_at(kernel, i);
    json::array values;
    for (uint32_t k = 0; k < tunable.n; ++k) values.emplace_back(tunable.value[k]);
    tunables[tunable.name] = std::move(values);
  }
  return {{"id", kernel.id},
          {"plugin", device.plugin_of(kernel)},
          {"device", device.info().id},
          {"pattern", kernel.pattern},
          {"where", text_of(kernel.where)},
          {"layouts", text_of(kernel.layouts)},
          {"numerics", text_of(kernel.numerics)},
          {"priority", kernel.priority},
          {"capture_safe", (kernel.flags & BP_K_CAPTURE_SAFE) != 0},
          {"tunables", std::move(tunables)},
          {"left_out", left_out}};  // why this host does not use the row
}

std::string row_text(const Device& device, const bp_kernel& kernel, const std::string& left_out) {
  std::string text = fmt::format("{:<36} {}\n", kernel.id, kernel.pattern);
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {:<9} {}\n", name, value);
  };
  line("where", text_of(kernel.where));
  line("layouts", text_of(kernel.layouts));
  if (device.plugin_of(kernel) != device.info().plugin) line("plugin", device.plugin_of(kernel));
  line("left out", left_out);
  return text;
}

// Those that the configuration names; else every one that is usable.
std::vector<std::string> wanted_devices(const Config& config, const PluginRegistry& registry) {
  std::vector<std::string> ids;
  for (const std::string& id : config.device.use) {
    if (id != "auto") ids.push_back(id);
  }
  if (!ids.empty()) return ids;
  for (const DeviceInfo& device : registry.devices()) {
    if (device.score > 0) ids.push_back(device.id);
  }
  return ids;
}

}  // namespace

Status list_kernels(const GlobalOptions& global) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(PluginRegistry * registry, host->registry());
  json::array rows;
  std::string text;
  for (const std::string& id : wanted_devices(host->config(), *registry)) {
    if (id == "reference") continue;  // it has none
    BP_TRY(const auto device, registry->open(id));
    const KernelTable table =
        KernelTable::create(device->kernels(), {host->config().kernels.deny, host->config().kernels.force});
    if (!global.json) text += fmt::format("{} {}: {} kernels\n", id, device->info().name, device->kernels().size());
    for (const bp_kernel* kernel : device->kernels()) {
      const auto rejected = std::ranges::find(table.rejected(), std::string(kernel->id), &RejectedRow::id);
      const std::string left_out = rejected == table.rejected().end() ? "" : rejected->reason;
      if (global.json) {
        rows.push_back(row_json(*device, *kernel, left_out));
      } else {
        text += row_text(*device, *kernel, left_out);
      }
    }
  }
  return global.json ? print_json(json::object{{"kernels", rows}}) : print(text);
}

}  // namespace bp::cli
