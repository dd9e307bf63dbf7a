// What the host does for one plugin: the functions behind bp_host_api.
// Thread-safe once the plugin's entry has returned. Its address is the plugin's ctx: neither copied nor moved, and it
// lives as long as the plugin's code may run.
#pragma once

#include <backplane/plugin.h>

#include <string>

#include "plugin_host/registry.h"

namespace bp {

class HostServices {
 public:
  HostServices(std::string plugin_name, const HostCallbacks& callbacks);
  HostServices(const HostServices&) = delete;
  HostServices& operator=(const HostServices&) = delete;

  const bp_host_api& api() const { return api_; }
  // The plugin's own options: the defaults that cfg_get gives.
  PluginOptions options;

 private:
  static void log(void* ctx, int32_t level, const char* text);
  static uint32_t intern_name(void* ctx, const char* name);
  static bp_status cfg_get(void* ctx, const char* key, char* buf, uint32_t cap);
  static bp_status cache_get(void* ctx, const void* key, uint64_t nkey, void* buf, uint64_t* io_bytes);
  static bp_status cache_put(void* ctx, const void* key, uint64_t nkey, const void* buf, uint64_t bytes);

  std::optional<std::string> option(std::string_view key) const;

  const HostCallbacks& callbacks_;
  bp_host_api api_{};
};

}  // namespace bp
