#include "plugin_host/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/log.h"
#include "plugin_host/find.h"
#include "plugin_host/intern.h"
#include "plugin_host/loaded_plugin.h"
#include "plugin_host/missing_device.h"
#include "plugin_host/missing_libs.h"

namespace bp {
namespace {

Refusal missing_libs(const std::vector<std::string>& names, const Manifest& manifest) {
  std::string fix = manifest.hint.empty() ? std::string("install them") : manifest.hint;
  return Refusal{Verdict::kMissingLibs, fmt::format("not on this machine: {}", fmt::join(names, ", ")), std::move(fix)};
}

Checked<std::unique_ptr<LoadedPlugin>> load_linked(const ElfImage& image, const Manifest& manifest,
                                                   const std::string& path, const HostCallbacks& callbacks) {
  MissingLibs missing = find_missing_libs(image, manifest, path);
  std::vector<std::string> all = missing.needs;
  all.insert(all.end(), missing.linked.begin(), missing.linked.end());
  if (!missing.needs.empty()) return std::unexpected(missing_libs(all, manifest));
  auto plugin = LoadedPlugin::load(path, manifest, callbacks);
  // The loader names the first one only.
  if (!plugin && plugin.error().verdict == Verdict::kMissingLibs && !all.empty()) {
    return std::unexpected(missing_libs(all, manifest));
  }
  return plugin;
}

std::string verdict_line(const PluginVerdict& v) {
  std::string line = fmt::format("plugin {}: {}", v.file, verdict_name(v.verdict));
  if (!v.reason.empty()) line += ": " + v.reason;
  if (!v.fix.empty()) line += "; " + v.fix;
  return line;
}

}  // namespace

std::unique_ptr<PluginRegistry> PluginRegistry::discover(const PluginSearch& search, HostCallbacks callbacks) {
  intern_ops(callbacks.ops);
  std::unique_ptr<PluginRegistry> registry(new PluginRegistry(search.allow, std::move(callbacks)));
  FoundFiles found = find_plugin_files(search);
  registry->places_ = std::move(found.places);
  for (const FoundFile& file : found.files) registry->add(file);
  registry->warn_of_unfound();
  return registry;
}

PluginRegistry::PluginRegistry(std::vector<std::string> allow, HostCallbacks callbacks)
    : allow_(std::move(allow)), callbacks_(std::make_unique<HostCallbacks>(std::move(callbacks))) {}

PluginRegistry::~PluginRegistry() = default;

// One file through the pipeline: static check, load. Trust checks come between the two, and the probe in a child
// process before the load, once they exist.
Checked<void> PluginRegistry::load(PluginVerdict& verdict) {
  auto image = ElfImage::open(verdict.file);
  if (!image) return std::unexpected(image.error());
  auto manifest = read_manifest(*image);
  if (!manifest) return std::unexpected(manifest.error());
  verdict.name = manifest->name;
  verdict.version = manifest->version;
  if (auto wanted = check_wanted(manifest->name); !wanted) return wanted;
  if (auto fits = check_manifest(*manifest); !fits) return fits;
  auto plugin = load_linked(*image, *manifest, verdict.file, *callbacks_);
  if (!plugin) return std::unexpected(plugin.error());
  add_devices(**plugin);
  if (!(*plugin)->options().options.empty()) options_.push_back((*plugin)->options());
  plugins_.push_back(std::move(*plugin));
  return {};
}

Checked<void> PluginRegistry::check_wanted(const std::string& name) const {
  if (!allow_.empty() && std::ranges::find(allow_, name) == allow_.end()) {
    return refuse(Verdict::kNotAllowed, fmt::format("\"{}\" is not in the list of allowed plugins", name),
                  fmt::format("add \"{}\" to plugins.allow", name));
  }
  // A file that could not be used shadows nothing.
  for (const PluginVerdict& earlier : verdicts_) {
    if (earlier.verdict == Verdict::kOk && earlier.name == name) {
      return refuse(Verdict::kShadowed, fmt::format("\"{}\" was loaded from {}", name, earlier.file));
    }
  }
  return {};
}

void PluginRegistry::add(const FoundFile& file) {
  PluginVerdict verdict{.file = file.path};
  if (auto loaded = load(verdict); !loaded) {
    verdict.verdict = loaded.error().verdict;
    verdict.reason = std::move(loaded.error().reason);
    verdict.fix = std::move(loaded.error().fix);
  }
  const bool named = file.asked_for || std::ranges::find(allow_, verdict.name) != allow_.end();
  const log::Level level = verdict.verdict == Verdict::kOk                  ? log::Level::kInfo
                           : named && verdict.verdict != Verdict::kShadowed ? log::Level::kWarn
                                                                            : log::Level::kDebug;
  if (log::enabled(level)) log::write(level, verdict_line(verdict));
  verdicts_.push_back(std::move(verdict));
}

void PluginRegistry::add_devices(const LoadedPlugin& plugin) {
  for (const DeviceInfo& info : plugin.devices()) {
    if (const DeviceInfo* first = find(info.id)) {
      log::warn("plugin {}: device {} is that of plugin {} already and is left out", plugin.name(), info.id,
                first->plugin);
    } else {
      devices_.push_back(info);
    }
  }
}

void PluginRegistry::warn_of_unfound() const {
  for (const std::string& name : allow_) {
    if (std::ranges::find(verdicts_, name, &PluginVerdict::name) == verdicts_.end()) {
      log::warn("plugins: \"{}\" is allowed but was not found in {}", name, fmt::join(places_, ", "));
    }
  }
}

const DeviceInfo* PluginRegistry::find(std::string_view id) const {
  const auto it = std::ranges::find(devices_, id, &DeviceInfo::id);
  return it == devices_.end() ? nullptr : &*it;
}

const DeviceInfo* PluginRegistry::best() const {
  const auto it = std::ranges::max_element(devices_, {}, &DeviceInfo::score);
  return it == devices_.end() || it->score == 0 ? nullptr : &*it;
}

Result<std::unique_ptr<Device>> PluginRegistry::open(std::string_view id) {
  const DeviceInfo* info = id == "auto" ? best() : find(id);
  if (info == nullptr || info->score == 0) {
    return std::unexpected(missing_device(id, devices_, verdicts_, places_));
  }
  const auto owner = std::ranges::find(plugins_, info->plugin, &LoadedPlugin::name);
  BP_TRY(auto device, Device::open(**owner, *info));
  for (const auto& plugin : plugins_) {
    const bool attaches = (plugin->manifest().kinds & BP_KIND_ATTACHED) != 0;
    if (!attaches || plugin->manifest().attaches_to != info->plugin) continue;
    // The device is complete without it.
    if (auto attached = device->attach(*plugin); !attached) log::warn("{}", attached.error().message());
  }
  return device;
}

}  // namespace bp
