// What a library links, read from its dynamic section without loading it. Thread-safety: a free function.
#pragma once

#include <string>
#include <vector>

#include "plugin_host/elf_image.h"

namespace bp {

struct LinkedLibs {
  std::vector<std::string> needed;       // DT_NEEDED, in order
  std::vector<std::string> search_dirs;  // DT_RUNPATH or DT_RPATH, "$ORIGIN" as written
};

// What can be read; a damaged section gives less, never an error: the loader will say it.
LinkedLibs read_linked_libs(const ElfImage& image);

}  // namespace bp
