// Runs a plugin's code for the first time in a process of its own: the helper libexec/backplane/probe loads it, calls
// its entry and enumerate and checks its tables. Whatever happens to that process, the plugin gets a verdict.
// Thread-safety: free functions; find_probe_helper() reads the environment.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "plugin_host/verdict.h"

namespace bp {

struct ProbeCommand {
  std::string helper;
  std::string file;
  std::vector<std::string> ops{};  // names that intern() is to know
  int64_t timeout_ms = 10'000;
  bool open = false;  // also opens, uses and closes each device that is usable
};

// Why it must not be loaded: PROBE_SIGNAL, PROBE_TIMEOUT, PROBE_EXIT, or what loading it came to; nothing where all is
// well. Errors: the helper itself cannot be run.
Result<std::optional<Refusal>> probe(const ProbeCommand& command);

// $BACKPLANE_PROBE (ignored under setuid), else ../libexec/backplane/probe beside the program, else beside one of the
// plugin folders (PREFIX/lib/backplane/plugins), else the system's. Empty: there is none that can be trusted.
std::string find_probe_helper(std::span<const std::string> plugin_folders);
// What a verdict of the helper is good for: changes with the helper and the ABI.
std::string probe_stamp(const std::string& helper);

}  // namespace bp
