// Which files are looked at, in which order. Opens none of them.
// Thread-safety: reads the environment; otherwise free functions on values.
#pragma once

#include <string>
#include <vector>

#include "plugin_host/registry.h"

namespace bp {

struct FoundFile {
  std::string path;        // absolute
  bool asked_for = false;  // named by the user as a file: complain aloud if it cannot be used
};

struct FoundFiles {
  std::vector<FoundFile> files;     // each file of the disk once, first come first
  std::vector<std::string> places;  // the folders looked into, for messages
};

// A folder that was asked for and cannot be read is logged; it is no file and has no verdict.
FoundFiles find_plugin_files(const PluginSearch& search);

}  // namespace bp
