// What a library links and exports, read from its dynamic section without loading it. Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <optional>
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

// What a library gives to and wants from others, as far as it matters here.
struct LinkedSymbols {
  bool has_entry = false;            // bp_plugin_entry_v0
  std::vector<std::string> foreign;  // exported beside bp_plugin_entry_v<N>: the first few, those of linkers left out
  uint32_t sanitizer = 0;            // BP_SANITIZER_*: of which it wants the runtime
};

// Nothing where the tables are damaged or there are none: the loader will say it.
std::optional<LinkedSymbols> read_linked_symbols(const ElfImage& image);

}  // namespace bp
