#include "plugin_host/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "plugin_host/find.h"
#include "plugin_host/intern.h"
#include "plugin_host/loaded_plugin.h"
#include "plugin_host/missing_device.h"
#include "plugin_host/missing_libs.h"
#include "plugin_host/pipeline.h"
#include "plugin_host/probe.h"

namespace bp {
namespace {

std::string verdict_line(const PluginVerdict& v) {
  std::string line = fmt::format("plugin {}: {}", v.file, verdict_name(v.verdict));
  if (!v.reason.empty()) line += ": " + v.reason;
  if (!v.fix.empty()) line += "; " + v.fix;
  return line;
}

}  // namespace

std::unique_ptr<PluginRegistry> PluginRegistry::discover(const PluginSearch& search, HostCallbacks callbacks) {
  intern_ops(callbacks.ops);
  std::unique_ptr<PluginRegistry> registry(new PluginRegistry(search, std::move(callbacks)));
  registry->look();
  return registry;
}

PluginRegistry::PluginRegistry(PluginSearch search, HostCallbacks callbacks)
    : search_(std::move(search)), callbacks_(std::make_unique<HostCallbacks>(std::move(callbacks))) {}

PluginRegistry::~PluginRegistry() = default;

void PluginRegistry::look() {
  const Plugins before = std::exchange(plugins_, {});
  verdicts_.clear();
  devices_.clear();
  options_.clear();
  std::erase_if(generations_, [](const auto& plugin) { return plugin.expired(); });
  FoundFiles found = find_plugin_files(search_);
  places_ = std::move(found.places);
  LoadingPipeline pipeline(search_, places_, callbacks_->ops);
  for (const FoundFile& file : found.files) add(file, pipeline, before);
  warn_of_unfound();
}

PluginRegistry::Reload PluginRegistry::reload() {
  const Plugins before = plugins_;
  look();
  Reload change;
  for (const auto& plugin : plugins_) {
    const bool was_there = std::ranges::find(before, plugin) != before.end();
    (was_there ? change.kept : change.loaded).push_back(plugin->name());
  }
  for (const auto& plugin : before) {
    if (std::ranges::find(plugins_, plugin) == plugins_.end()) change.retired.push_back(plugin->name());
  }
  return change;
}

// One file through the pipeline.
Checked<void> PluginRegistry::load(PluginVerdict& verdict, LoadingPipeline& pipeline) {
  auto cleared = pipeline.clear(verdict, [&](const Manifest& manifest) { return check_wanted(manifest.name); });
  if (!cleared) return std::unexpected(cleared.error());
  auto plugin = load_cleared(verdict.file, *cleared);
  if (!plugin) return std::unexpected(plugin.error());
  add_plugin(std::move(*plugin));
  return {};
}

Checked<std::shared_ptr<const LoadedPlugin>> PluginRegistry::load_cleared(const std::string& file,
                                                                          const ClearedFile& cleared) {
  // Code that is in use already, of this file or of one like it, is not entered twice.
  for (const auto& generation : generations_) {
    if (auto plugin = generation.lock(); plugin != nullptr && plugin->code() == cleared.path) return plugin;
  }
  auto loaded = LoadedPlugin::load(file, cleared.path, cleared.manifest, *callbacks_);
  if (!loaded) {
    // The loader names the first missing library only.
    const bool is_missing = loaded.error().verdict == Verdict::kMissingLibs && !cleared.missing_libs.empty();
    return std::unexpected(is_missing ? missing_libs_refusal(cleared.missing_libs, cleared.manifest) : loaded.error());
  }
  std::shared_ptr<const LoadedPlugin> plugin = std::move(*loaded);
  generations_.push_back(plugin);
  return plugin;
}

Checked<void> PluginRegistry::check_wanted(const std::string& name) const {
  if (!search_.allow.empty() && std::ranges::find(search_.allow, name) == search_.allow.end()) {
    return refuse(Verdict::kNotAllowed, fmt::format("\"{}\" is not in the list of allowed plugins", name),
                  fmt::format("add \"{}\" to plugins.allow", name));
  }
  // A file that could not be used shadows nothing.
  for (const auto& earlier : plugins_) {
    if (earlier->name() == name) {
      return refuse(Verdict::kShadowed, fmt::format("\"{}\" was loaded from {}", name, earlier->file()),
                    "remove one of the two");
    }
  }
  return {};
}

void PluginRegistry::add(const FoundFile& file, LoadingPipeline& pipeline, const Plugins& before) {
  PluginVerdict verdict{.file = file.path};
  if (auto loaded = load(verdict, pipeline); !loaded) {
    verdict.verdict = loaded.error().verdict;
    verdict.reason = std::move(loaded.error().reason);
    verdict.fix = std::move(loaded.error().fix);
    const auto old = std::ranges::find(before, file.path, &LoadedPlugin::file);
    const bool is_wanted = verdict.verdict != Verdict::kShadowed && verdict.verdict != Verdict::kNotAllowed;
    if (is_wanted && old != before.end() && check_wanted((*old)->name())) {
      verdict.reason += fmt::format(" (version {}, loaded before, stays in use)", (*old)->manifest().version);
      add_plugin(*old);
    }
  }
  const bool named = file.asked_for || std::ranges::find(search_.allow, verdict.name) != search_.allow.end();
  const log::Level level = verdict.verdict == Verdict::kOk                  ? log::Level::kInfo
                           : named && verdict.verdict != Verdict::kShadowed ? log::Level::kWarn
                                                                            : log::Level::kDebug;
  if (log::enabled(level)) log::write(level, verdict_line(verdict));
  verdicts_.push_back(std::move(verdict));
}

void PluginRegistry::add_plugin(std::shared_ptr<const LoadedPlugin> plugin) {
  add_devices(*plugin);
  if (!plugin->options().options.empty()) options_.push_back(plugin->options());
  plugins_.push_back(std::move(plugin));
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
  for (const std::string& name : search_.allow) {
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

std::string PluginRegistry::probe_helper() const { return find_probe_helper(places_); }

Result<std::unique_ptr<Device>> PluginRegistry::open(std::string_view id) {
  for (;;) {
    const DeviceInfo* info = id == "auto" ? best() : find(id);
    if (info == nullptr || info->score == 0) {
      return std::unexpected(missing_device(id, devices_, verdicts_, places_));
    }
    auto device = open_tested(*info);
    // One that computes wrong results is not the best any more.
    if (device || id != "auto" || info->score > 0) return device;
    log::warn("{}; trying the next device", device.error().message());
  }
}

Result<std::unique_ptr<Device>> PluginRegistry::open_tested(const DeviceInfo& info) {
  const auto owner = *std::ranges::find(plugins_, info.plugin, &LoadedPlugin::name);
  BP_TRY(auto device, Device::open(owner, info));
  for (const auto& plugin : plugins_) {
    const bool attaches = (plugin->manifest().kinds & BP_KIND_ATTACHED) != 0;
    if (!attaches || plugin->manifest().attaches_to != info.plugin) continue;
    // The device is complete without it.
    if (auto attached = device->attach(plugin); !attached) log::warn("{}", attached.error().message());
  }
  const std::string key = owner->code() + ", " + info.id;
  if (!callbacks_->self_test || tested_.contains(key)) return device;
  if (const Status passed = callbacks_->self_test(*device); !passed) {
    return std::unexpected(fail_self_test(info.id, *owner, passed.error()));
  }
  tested_.insert(key);
  return device;
}

Error PluginRegistry::fail_self_test(const std::string& id, const LoadedPlugin& plugin, const Error& why) {
  constexpr char kFix[] = "check driver and hardware, or report this to the plugin's author";
  const std::string reason = fmt::format("{} failed its self-test: {}", id, why.message());
  const auto info = std::ranges::find(devices_, id, &DeviceInfo::id);
  info->score = 0;
  info->why = reason;
  const auto verdict = std::ranges::find(verdicts_, plugin.file(), &PluginVerdict::file);
  if (verdict != verdicts_.end()) {
    verdict->verdict = Verdict::kSelftest;
    verdict->reason = reason;
    verdict->fix = kFix;
  }
  return Error{ErrorCode::kDevice, plugin.file(), reason, kFix};
}

}  // namespace bp
