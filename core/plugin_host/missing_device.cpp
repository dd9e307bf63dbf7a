#include "plugin_host/missing_device.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace bp {
namespace {

// A folder full of broken files must not make an endless line.
constexpr size_t kMaxRefusals = 8;

std::string list_devices(std::span<const DeviceInfo> devices) {
  std::vector<std::string> parts;
  for (const DeviceInfo& device : devices) {
    parts.push_back(device.score > 0 ? fmt::format("{} ({})", device.id, device.name)
                                     : fmt::format("{} (unusable: {})", device.id, device.why));
  }
  return parts.empty() ? "no device found" : fmt::format("found {}", fmt::join(parts, ", "));
}

bool is_refused(const PluginVerdict& v) { return v.verdict != Verdict::kOk && v.verdict != Verdict::kShadowed; }

std::string list_refusals(std::span<const PluginVerdict> verdicts) {
  std::vector<const PluginVerdict*> refused;
  for (const PluginVerdict& v : verdicts) {
    if (is_refused(v)) refused.push_back(&v);
  }
  if (refused.empty()) return {};
  // Files that say they are a plugin explain more than those that happen to lie there.
  std::ranges::stable_partition(refused, [](const PluginVerdict* v) { return !v->name.empty(); });
  const size_t n_shown = std::min(refused.size(), kMaxRefusals);
  std::vector<std::string> parts;
  for (const PluginVerdict* v : std::span(refused).first(n_shown)) {
    parts.push_back(fmt::format("{} {}: {}", v->file, verdict_name(v->verdict), v->reason));
  }
  const std::string more = refused.size() > n_shown ? fmt::format(" and {} more", refused.size() - n_shown) : "";
  return fmt::format("; refused {}{}", fmt::join(parts, ", "), more);
}

std::string fix_of(std::string_view id, std::span<const DeviceInfo> devices, std::span<const PluginVerdict> verdicts) {
  // "cuda:0" comes from a plugin that is probably named "cuda": its own hint helps best.
  const std::string_view kind = id.substr(0, id.find(':'));
  for (const PluginVerdict& v : verdicts) {
    if (is_refused(v) && v.name == kind && !v.fix.empty()) return v.fix;
  }
  const bool any = std::ranges::any_of(devices, [](const DeviceInfo& device) { return device.score > 0; });
  return any ? "name a device of the list"
             : "put a plugin into one of the folders, or name its folder: --plugin-dir, in a program "
               "DeviceOptions::plugin_dirs";
}

}  // namespace

Error missing_device(std::string_view id, std::span<const DeviceInfo> devices, std::span<const PluginVerdict> verdicts,
                     std::span<const std::string> places) {
  const auto info = std::ranges::find(devices, id, &DeviceInfo::id);
  const std::string verb = info != devices.end() ? fmt::format("is unusable: {}", info->why)
                           : id == "auto"        ? std::string("no usable device")
                                                 : std::string("there is no such device");
  const std::string looked = places.empty() ? "" : fmt::format("; looked in {}", fmt::join(places, ", "));
  return Error{ErrorCode::kDevice, fmt::format("device {}", id),
               fmt::format("{} ({}{}{})", verb, list_devices(devices), list_refusals(verdicts), looked),
               fix_of(id, devices, verdicts)};
}

}  // namespace bp
