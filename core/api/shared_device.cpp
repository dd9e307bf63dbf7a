#include "api/shared_device.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "api/raise.h"
#include "base/log.h"
#include "compile/self_test.h"
#include "graph/opset.h"
#include "plugin_host/registry.h"

namespace bp::api {
namespace {

struct OpenDevice {
  std::unique_ptr<Device> device;
  int n_users = 0;
};

// There may be one registry at a time, and a device is opened once.
struct Process {
  std::mutex mutex;
  DeviceOptions options;  // that the registry was made with
  std::unique_ptr<PluginRegistry> registry;
  std::map<std::string, OpenDevice> devices;
};

// Never destroyed: sessions may outlive static objects.
Process& process() {
  static Process& the_process = *new Process;
  return the_process;
}

std::unique_ptr<PluginRegistry> discover(const DeviceOptions& options) {
  HostCallbacks callbacks;
  callbacks.ops = op_names();
  callbacks.option = [values = options.plugin_options](std::string_view plugin,
                                                       std::string_view key) -> std::optional<std::string> {
    const auto found = values.find(std::string(plugin) + "." + std::string(key));
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
  callbacks.self_test = self_test;
  return PluginRegistry::discover({.dirs = options.plugin_dirs}, std::move(callbacks));
}

// REQUIRES: the mutex is held.
Status prepare(Process& all, const DeviceOptions& options) {
  if (all.registry == nullptr) {
    all.registry = discover(options);
    all.options = options;
    return {};
  }
  const bool same_dirs = options.plugin_dirs.empty() || options.plugin_dirs == all.options.plugin_dirs;
  const bool same_options = options.plugin_options.empty() || options.plugin_options == all.options.plugin_options;
  if (same_dirs && same_options) return {};
  return fail(bp::ErrorCode::kUsage, "device " + options.device,
              "the plugins in use were found with other plugin_dirs or plugin_options",
              "give all sessions and engines that live at once the same");
}

void let_go_if_unused(Process& all) {
  if (all.devices.empty()) all.registry.reset();
}

// The one that open("auto") would take; empty: none is usable.
std::string best_id(const PluginRegistry& registry) {
  const auto found = registry.devices();
  const auto best = std::ranges::max_element(found, {}, &bp::DeviceInfo::score);
  return best == found.end() || best->score == 0 ? "" : best->id;
}

Result<Device*> use(Process& all, const std::string& id) {
  OpenDevice& entry = all.devices[id];
  if (entry.device == nullptr) {
    auto opened = all.registry->open(id);
    if (!opened.has_value()) {
      all.devices.erase(id);
      return std::unexpected(std::move(opened.error()));
    }
    entry.device = std::move(*opened);
  }
  ++entry.n_users;
  return entry.device.get();
}

}  // namespace

Result<SharedDevice> SharedDevice::open(const DeviceOptions& options) {
  if (options.device == "reference") return SharedDevice(options.device, nullptr);
  Process& all = process();
  const std::scoped_lock lock(all.mutex);
  BP_TRY_VOID(prepare(all, options));
  std::string id = options.device == "auto" || options.device.empty() ? best_id(*all.registry) : options.device;
  if (id.empty()) {
    const auto none = all.registry->open("auto");
    if (!none.has_value()) log::warn("{}; the reference computes, slowly", none.error().message());
    let_go_if_unused(all);
    return SharedDevice("reference", nullptr);
  }
  auto device = use(all, id);
  let_go_if_unused(all);
  if (!device.has_value()) return std::unexpected(std::move(device.error()));
  return SharedDevice(std::move(id), *device);
}

SharedDevice::SharedDevice(SharedDevice&& other) noexcept
    : id_(std::move(other.id_)), device_(std::exchange(other.device_, nullptr)) {}

SharedDevice::~SharedDevice() {
  if (device_ == nullptr) return;
  Process& all = process();
  const std::scoped_lock lock(all.mutex);
  const auto entry = all.devices.find(id_);
  if (--entry->second.n_users == 0) all.devices.erase(entry);
  let_go_if_unused(all);
}

Result<std::vector<DeviceInfo>> SharedDevice::list(const DeviceOptions& options) {
  Process& all = process();
  const std::scoped_lock lock(all.mutex);
  BP_TRY_VOID(prepare(all, options));
  std::vector<DeviceInfo> infos;
  for (const bp::DeviceInfo& info : all.registry->devices()) {
    const std::string why = info.score != 0 ? "" : info.why.empty() ? "unusable" : info.why;
    infos.push_back({info.id, info.name, info.plugin, info.arch, info.driver, info.memory_bytes, why});
  }
  let_go_if_unused(all);
  return infos;
}

std::vector<DeviceInfo> devices(const DeviceOptions& options) { return unwrap(SharedDevice::list(options)); }

FallbackPolicy policy_of(Fallback fallback) {
  switch (fallback) {
    case Fallback::kError:
      return FallbackPolicy::kError;
    case Fallback::kWarn:
      return FallbackPolicy::kWarn;
    case Fallback::kAllow:
      return FallbackPolicy::kAllow;
  }
  return FallbackPolicy::kWarn;
}

}  // namespace bp::api
