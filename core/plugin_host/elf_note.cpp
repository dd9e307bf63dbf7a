// The manifest is an ELF note, because a note survives strip and --gc-sections and is found without loading the file.
#include <backplane/plugin.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "plugin_host/contained_text.h"
#include "plugin_host/manifest.h"

namespace bp {
namespace {

constexpr char kOwner[] = "BKPLANE";
constexpr uint32_t kNoteType = 1;
// Other notes of a library (build id, properties) take some hundred bytes.
constexpr uint64_t kMaxNoteBytes = 64 << 10;

std::unexpected<Refusal> no_manifest(std::string reason) {
  return refuse(Verdict::kNoManifest, std::move(reason),
                "remove the file from the plugin folder, or rebuild it with BP_MANIFEST");
}

// The manifests among the notes of one segment. Our notes begin at multiples of 4 whatever the segment's alignment
// says: mold joins notes of alignment 4 and 8 in one segment with gaps of its own, so a walk from note to note loses
// its way. nullopt: a manifest's note has another size than the frozen one.
std::optional<std::vector<bp_manifest>> manifests_in(std::span<const std::byte> bytes) {
  std::vector<bp_manifest> found;
  Elf64_Nhdr header;
  for (size_t at = 0; at <= bytes.size() && bytes.size() - at >= sizeof header + sizeof kOwner; at += 4) {
    std::memcpy(&header, bytes.data() + at, sizeof header);
    const size_t name_at = at + sizeof header;
    if (header.n_type != kNoteType || header.n_namesz != sizeof kOwner) continue;
    if (std::memcmp(bytes.data() + name_at, kOwner, sizeof kOwner) != 0) continue;
    const size_t desc_at = name_at + sizeof kOwner;
    if (header.n_descsz != sizeof(bp_manifest) || bytes.size() - desc_at < sizeof(bp_manifest)) return std::nullopt;
    std::memcpy(&found.emplace_back(), bytes.data() + desc_at, sizeof(bp_manifest));
  }
  return found;
}

template <size_t N>
bool take_text(const char (&field)[N], std::string& out) {
  const auto text = bounded_text(field, N);
  if (text) out = printable(field, N);
  return text.has_value();
}

LibraryNeed parse_need(std::string_view text) {
  LibraryNeed need;
  if (text.ends_with('?')) {
    need.optional = true;
    text.remove_suffix(1);
  }
  const size_t version_at = text.find(">=");
  if (version_at != std::string_view::npos) need.min_version = text.substr(version_at + 2);
  need.library = text.substr(0, version_at);
  return need;
}

std::vector<LibraryNeed> parse_needs(std::string_view text) {
  std::vector<LibraryNeed> needs;
  while (!text.empty()) {
    const size_t end = std::min(text.find(';'), text.size());
    LibraryNeed need = parse_need(text.substr(0, end));
    if (!need.library.empty()) needs.push_back(std::move(need));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return needs;
}

Checked<Manifest> parse_manifest(const bp_manifest& raw) {
  if (std::memcmp(raw.magic, "BKPLAN0", sizeof raw.magic) != 0)
    return no_manifest("its manifest has another magic number");
  Manifest manifest{.abi_major_min = raw.abi_major_min,
                    .abi_major_max = raw.abi_major_max,
                    .abi_minor_min = raw.abi_minor_min,
                    .abi_minor_built = raw.abi_minor_built,
                    .kinds = raw.kinds,
                    .isa_level = raw.isa_level,
                    .sanitizer = raw.sanitizer};
  std::string needs;
  const bool ends = take_text(raw.name, manifest.name) && take_text(raw.vendor, manifest.vendor) &&
                    take_text(raw.version, manifest.version) && take_text(raw.device_class, manifest.device_class) &&
                    take_text(raw.needs, needs) && take_text(raw.hint, manifest.hint) &&
                    take_text(raw.attaches_to, manifest.attaches_to);
  if (!ends) return no_manifest("a text in its manifest does not end");
  if (!is_identifier(manifest.name))
    return no_manifest(fmt::format("its manifest's name \"{}\" is no name", manifest.name));
  if ((manifest.kinds & (BP_KIND_DEVICE | BP_KIND_ATTACHED)) == 0) {
    return no_manifest(fmt::format("its manifest's kinds {:#x} are none this host knows", manifest.kinds));
  }
  manifest.needs = parse_needs(needs);
  return manifest;
}

}  // namespace

Checked<Manifest> read_manifest(const ElfImage& image) {
  std::vector<bp_manifest> found;
  uint64_t read_bytes = 0;
  for (const Elf64_Phdr& segment : image.segments()) {
    if (segment.p_type != PT_NOTE) continue;
    if (segment.p_filesz > kMaxNoteBytes - read_bytes) return no_manifest("its notes are larger than 64 KiB");
    read_bytes += segment.p_filesz;
    std::vector<std::byte> bytes(segment.p_filesz);
    if (!image.read(segment.p_offset, bytes)) return refuse(Verdict::kTruncated, "the file shrank while it was read");
    const auto manifests = manifests_in(bytes);
    if (!manifests) return no_manifest("its manifest is not 512 bytes long");
    found.insert(found.end(), manifests->begin(), manifests->end());
  }
  if (found.empty()) return no_manifest("a shared library, but no plugin: it has no manifest");
  if (found.size() > 1) return no_manifest(fmt::format("it has {} manifests", found.size()));
  return parse_manifest(found.front());
}

}  // namespace bp
