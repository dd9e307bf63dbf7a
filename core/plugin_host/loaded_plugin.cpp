#include "plugin_host/loaded_plugin.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "plugin_host/contained_text.h"
#include "plugin_host/device_fault.h"
#include "plugin_host/out_struct.h"
#include "plugin_host/table_check.h"

namespace bp {
namespace {

constexpr uint32_t kMaxDevices = 64;
constexpr char kEntry[] = "bp_plugin_entry_v0";

// What the loader says when a library that one of ours links is not there.
bool is_missing_library(const std::string& text) {
  return text.find("cannot open shared object file") != std::string::npos;
}

}  // namespace

Checked<std::unique_ptr<LoadedPlugin>> LoadedPlugin::load(std::string file, std::string code, Manifest manifest,
                                                          const HostCallbacks& callbacks) {
  const auto come_to = [&](std::string_view step) {
    if (callbacks.on_step) callbacks.on_step(step);
  };
  come_to("its constructors");
  auto library = Library::load(code);
  if (!library) {
    const std::string& text = library.error().what;
    if (is_missing_library(text)) return refuse(Verdict::kMissingLibs, text, manifest.hint);
    return refuse(Verdict::kNoEntry, fmt::format("the loader refused it: {}", text));
  }
  std::unique_ptr<LoadedPlugin> plugin(
      new LoadedPlugin(std::move(file), std::move(code), std::move(manifest), std::move(*library), callbacks));
  come_to(kEntry);
  if (auto entry = plugin->call_entry(); !entry) return std::unexpected(entry.error());
  come_to("enumerate");
  if (auto devices = plugin->enumerate(); !devices) return std::unexpected(devices.error());
  return plugin;
}

LoadedPlugin::LoadedPlugin(std::string file, std::string code, Manifest manifest, Library library,
                           const HostCallbacks& callbacks)
    : file_(std::move(file)),
      code_(std::move(code)),
      manifest_(std::move(manifest)),
      library_(std::move(library)),
      services_(std::make_unique<HostServices>(manifest_.name, callbacks)) {}

LoadedPlugin::~LoadedPlugin() {
  if (!entered_) return;
  library_.keep_mapped();
  if (!BP_HAS(bp_plugin_api, &api_, shutdown)) return;
  bp_err err;
  clear_err(err);
  const bp_status status = api_.shutdown(&err);
  if (status == BP_OK) return;
  log::warn("{}", plugin_error("plugin " + name(), "shutdown", status, err).message());
  // Its threads may still call us.
  (void)services_.release();
}

Checked<void> LoadedPlugin::call_entry() {
  const auto entry = reinterpret_cast<decltype(&bp_plugin_entry_v0)>(library_.symbol(kEntry));
  if (entry == nullptr) {
    return refuse(Verdict::kNoEntry, fmt::format("it does not export {}", kEntry),
                  "report this to the plugin's author");
  }
  OutStruct<bp_plugin_api> out;
  bp_err err;
  clear_err(err);
  const bp_status status = entry(&services_->api(), &out.value, &err);
  if (status != BP_OK) return refuse(Verdict::kEntryFailed, plugin_error("", kEntry, status, err).what, manifest_.hint);
  entered_ = true;
  if (out.is_overrun()) {
    return refuse(Verdict::kBadTable, fmt::format("it wrote past the {} bytes of its plugin api", sizeof api_),
                  "report this to the plugin's author");
  }
  api_ = out.value;
  if (auto api = check_plugin_api(api_, manifest_.kinds); !api) {
    api_ = {};  // none of its pointers is to be called, shutdown included
    return api;
  }
  auto options = check_options(api_);
  if (!options) return std::unexpected(options.error());
  services_->options.options = std::move(*options);
  return {};
}

Checked<void> LoadedPlugin::enumerate() {
  if ((manifest_.kinds & BP_KIND_DEVICE) == 0) return {};
  std::vector<bp_device_info> rows(kMaxDevices + 1);  // the last is nobody's
  for (bp_device_info& row : std::span(rows).first(kMaxDevices)) row.struct_size = sizeof row;
  uint32_t n = 0;
  bp_err err;
  clear_err(err);
  const bp_status status = api_.enumerate(rows.data(), sizeof(bp_device_info), kMaxDevices, &n, &err);
  if (status != BP_OK)
    return refuse(Verdict::kEntryFailed, plugin_error("", "enumerate", status, err).what, manifest_.hint);
  const bp_device_info untouched{};
  if (std::memcmp(&rows.back(), &untouched, sizeof untouched) != 0) {
    return refuse(Verdict::kBadTable, fmt::format("enumerate wrote past the {} devices asked for", kMaxDevices),
                  "report this to the plugin's author");
  }
  if (n > kMaxDevices) {
    log::warn("plugin {}: it has {} devices; the first {} are used", name(), n, kMaxDevices);
    n = kMaxDevices;
  }
  for (const bp_device_info& row : std::span(rows).first(n)) {
    auto info = check_device_info(row, name());
    if (!info) return std::unexpected(info.error());
    if (std::ranges::find(devices_, info->id, &DeviceInfo::id) != devices_.end()) {
      return refuse(Verdict::kBadTable, fmt::format("device id \"{}\" is there twice", info->id));
    }
    devices_.push_back(std::move(*info));
  }
  if (devices_.empty() && (manifest_.kinds & BP_KIND_ATTACHED) == 0) {
    const std::string why = printable(err.msg, sizeof err.msg);
    return refuse(Verdict::kNoDevice, why.empty() ? "this machine has no device for it" : why, manifest_.hint);
  }
  return {};
}

}  // namespace bp
