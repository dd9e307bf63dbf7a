#include <backplane/plugin.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plugin_host/contained_text.h"
#include "plugin_host/dynamic_section.h"
#include "plugin_host/isa.h"
#include "plugin_host/manifest.h"

namespace bp {
namespace {

Checked<void> check_abi(const Manifest& manifest, AbiVersion host) {
  const std::string ours = fmt::format("this host has {}.{}", host.major, host.minor);
  if (manifest.abi_major_min > host.major) {
    return refuse(Verdict::kAbiTooNew, fmt::format("needs plugin ABI {}, {}", manifest.abi_major_min, ours),
                  "upgrade backplane");
  }
  if (manifest.abi_major_max < host.major) {
    return refuse(Verdict::kAbiMajor, fmt::format("built for plugin ABI {}, {}", manifest.abi_major_max, ours),
                  "install a newer build of the plugin");
  }
  if (manifest.abi_major_max > host.major) return {};  // the minors belong to a later major
  if (manifest.abi_minor_min > host.minor) {
    return refuse(Verdict::kAbiTooNew,
                  fmt::format("needs plugin ABI {}.{}, {}", host.major, manifest.abi_minor_min, ours),
                  "upgrade backplane");
  }
  // Major 0 may still change: both sides must be built from the same header.
  if (host.major == 0 && manifest.abi_minor_built != host.minor) {
    return refuse(Verdict::kAbiMajor, fmt::format("built for plugin ABI 0.{}, {}", manifest.abi_minor_built, ours),
                  "rebuild the plugin with this host's plugin.h");
  }
  return {};
}

Checked<void> check_isa(const Manifest& manifest) {
  const uint32_t host = host_isa_level();
  if (host == 0 || manifest.isa_level <= host) return {};
  return refuse(
      Verdict::kIsa,
      fmt::format("built for {}, this machine has {}", isa_level_name(manifest.isa_level), isa_level_name(host)),
      "install the build for an older processor");
}

Checked<void> check_sanitizer(uint32_t sanitizer) {
  const uint32_t foreign = sanitizer & ~host_sanitizers();
  if (foreign == 0) return {};
  return refuse(Verdict::kSanitizer,
                fmt::format("built with a sanitizer ({:#x}) that this host is built without", foreign),
                "build the plugin without it, or the host with it");
}

}  // namespace

Checked<void> check_manifest(const Manifest& manifest, AbiVersion host) {
  if (auto abi = check_abi(manifest, host); !abi) return abi;
  if (auto isa = check_isa(manifest); !isa) return isa;
  return check_sanitizer(manifest.sanitizer);
}

Checked<void> check_symbols(const ElfImage& image) {
  const auto symbols = read_linked_symbols(image);
  if (!symbols) return {};
  if (auto sanitizer = check_sanitizer(symbols->sanitizer); !sanitizer) return sanitizer;
  if (!symbols->has_entry) {
    return refuse(Verdict::kNoEntry, "it does not export bp_plugin_entry_v0", "report this to the plugin's author");
  }
  if (symbols->foreign.empty()) return {};
  std::vector<std::string> names;
  for (const std::string& name : symbols->foreign) names.push_back(printable(name.c_str(), 80));
  return refuse(Verdict::kBadTable, fmt::format("it exports more than its entry: {}", fmt::join(names, ", ")),
                "link it with the version script of backplane_add_plugin()");
}

}  // namespace bp
