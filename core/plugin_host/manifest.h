// What a plugin says about itself before any of its code runs: the note of plugin.h, checked and as C++.
// Thread-safety: a plain value.
#pragma once

#include <backplane/plugin.h>

#include <cstdint>
#include <string>
#include <vector>

#include "plugin_host/elf_image.h"
#include "plugin_host/verdict.h"

namespace bp {

// "libnccl.so.2>=2.20?" in the manifest's `needs`.
struct LibraryNeed {
  std::string library;
  std::string min_version;  // shown, not checked: a file's name does not tell it
  bool optional = false;    // the plugin loads it itself and does without
};

struct Manifest {
  uint16_t abi_major_min = 0, abi_major_max = 0, abi_minor_min = 0, abi_minor_built = 0;
  uint32_t kinds = 0, isa_level = 0, sanitizer = 0;
  std::string name{}, vendor{}, version{}, device_class{}, hint{}, attaches_to{};
  std::vector<LibraryNeed> needs{};
};

// The one manifest among the notes of `image`, or NO_MANIFEST.
Checked<Manifest> read_manifest(const ElfImage& image);

// The plugin ABI of a host.
struct AbiVersion {
  uint16_t major = BP_ABI_MAJOR;
  uint16_t minor = BP_ABI_MINOR;
};

// Can a host of this ABI, on this machine, run what the manifest describes: ABI_MAJOR, ABI_TOO_NEW, ISA or SANITIZER if
// not.
Checked<void> check_manifest(const Manifest& manifest, AbiVersion host = {});

// Does it export its entry and nothing else, and does it want no sanitizer's runtime that this host lacks: NO_ENTRY,
// BAD_TABLE or SANITIZER if not.
Checked<void> check_symbols(const ElfImage& image);

}  // namespace bp
