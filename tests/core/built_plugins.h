// The plugins of this build, whatever the environment names.
#pragma once

#include <memory>
#include <utility>

#include "graph/opset.h"
#include "plugin_host/registry.h"

namespace bp {

inline std::unique_ptr<PluginRegistry> built_plugins(PluginSearch search = {.dirs = {BP_BUILD_DIR
                                                                                     "/lib/backplane/plugins"}},
                                                     HostCallbacks callbacks = {}) {
  search.use_environment = search.use_default_dirs = false;
  search.cache_dir = BP_BUILD_DIR "/tests/cache";
  callbacks.ops = op_names();
  return PluginRegistry::discover(search, std::move(callbacks));
}

}  // namespace bp
