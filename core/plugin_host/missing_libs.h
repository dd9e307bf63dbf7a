// Which libraries of a plugin are not on this machine: all of them, where the loader would name only the first.
// Thread-safety: a free function; reads the environment.
#pragma once

#include <string>
#include <vector>

#include "plugin_host/elf_image.h"
#include "plugin_host/manifest.h"

namespace bp {

struct MissingLibs {
  std::vector<std::string> needs;   // of the manifest, optional ones left out: the plugin is useless without
  std::vector<std::string> linked;  // DT_NEEDED. The loader has the last word, it knows more places than we do
};

// `path`: the plugin's own, for $ORIGIN.
MissingLibs find_missing_libs(const ElfImage& image, const Manifest& manifest, const std::string& path);

// MISSING_LIBS naming all of them, with the plugin's own hint.
Refusal missing_libs_refusal(const std::vector<std::string>& names, const Manifest& manifest);

}  // namespace bp
