#include "plugin_host/host_services.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "plugin_host/contained_text.h"
#include "plugin_host/intern.h"

namespace bp {
namespace {

constexpr size_t kMaxLogBytes = 4096;
constexpr size_t kMaxKeyBytes = 128;

log::Level log_level(int32_t level) {
  return static_cast<log::Level>(std::clamp<int32_t>(level, 0, static_cast<int32_t>(log::Level::kError)));
}

}  // namespace

HostServices::HostServices(std::string plugin_name, const HostCallbacks& callbacks) : callbacks_(callbacks) {
  options.plugin = std::move(plugin_name);
  api_.struct_size = sizeof(bp_host_api);
  api_.abi_minor = BP_ABI_MINOR;
  api_.ctx = this;
  api_.log = log;
  api_.intern = intern_name;
  api_.cfg_get = cfg_get;
  api_.cache_get = cache_get;
  api_.cache_put = cache_put;
}

void HostServices::log(void* ctx, int32_t level, const char* text) {
  const log::Level wanted = log_level(level);
  if (!log::enabled(wanted)) return;
  const auto& self = *static_cast<const HostServices*>(ctx);
  log::write(wanted, fmt::format("{}: {}", self.options.plugin, printable(text, kMaxLogBytes)));
}

uint32_t HostServices::intern_name(void*, const char* name) {
  const auto text = bounded_text(name, kMaxKeyBytes + 1);
  return text ? intern(*text) : 0;
}

std::optional<std::string> HostServices::option(std::string_view key) const {
  if (callbacks_.option) {
    if (auto value = callbacks_.option(options.plugin, key)) return value;
  }
  const auto it = std::ranges::find(options.options, key, &PluginOption::key);
  if (it == options.options.end()) return std::nullopt;
  return it->default_value;
}

bp_status HostServices::cfg_get(void* ctx, const char* key, char* buf, uint32_t cap) {
  const auto name = bounded_text(key, kMaxKeyBytes);
  if (!name || buf == nullptr) return BP_E_INVALID;
  const auto value = static_cast<const HostServices*>(ctx)->option(*name);
  if (!value) return BP_E_UNSUPPORTED;
  if (value->size() >= cap) return BP_E_INVALID;
  std::memcpy(buf, value->c_str(), value->size() + 1);
  return BP_OK;
}

// The store of plugins' artifacts comes with the tuner's; a plugin does without until then.
bp_status HostServices::cache_get(void*, const void*, uint64_t, void*, uint64_t*) { return BP_E_UNSUPPORTED; }
bp_status HostServices::cache_put(void*, const void*, uint64_t, const void*, uint64_t) { return BP_E_UNSUPPORTED; }

}  // namespace bp
