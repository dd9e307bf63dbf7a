#include "plugin_host/dynamic_section.h"

#include <algorithm>
#include <cstring>

namespace bp {
namespace {

constexpr uint64_t kMaxEntries = 4096;
constexpr uint64_t kMaxTextBytes = 4096;

std::vector<Elf64_Dyn> read_entries(const ElfImage& image) {
  for (const Elf64_Phdr& segment : image.segments()) {
    if (segment.p_type != PT_DYNAMIC) continue;
    std::vector<Elf64_Dyn> entries(std::min<uint64_t>(segment.p_filesz / sizeof(Elf64_Dyn), kMaxEntries));
    if (!image.read(segment.p_offset, std::as_writable_bytes(std::span(entries)))) return {};
    const auto end = std::ranges::find(entries, Elf64_Sxword{DT_NULL}, &Elf64_Dyn::d_tag);
    entries.erase(end, entries.end());
    return entries;
  }
  return {};
}

uint64_t value_of(const std::vector<Elf64_Dyn>& entries, Elf64_Sxword tag) {
  const auto it = std::ranges::find(entries, tag, &Elf64_Dyn::d_tag);
  return it == entries.end() ? 0 : it->d_un.d_val;
}

// The text at `index` of the string table, "" where it does not end inside.
std::string read_text(const ElfImage& image, const std::vector<Elf64_Dyn>& entries, uint64_t index) {
  const uint64_t size = value_of(entries, DT_STRSZ);
  const auto table = image.file_offset(value_of(entries, DT_STRTAB));
  if (!table || index >= size || *table >= image.size_bytes() || index >= image.size_bytes() - *table) return {};
  const uint64_t at = *table + index;
  std::string text(std::min({size - index, image.size_bytes() - at, kMaxTextBytes}), '\0');
  if (!image.read(at, std::as_writable_bytes(std::span(text)))) return {};
  const size_t end = text.find('\0');
  return end == std::string::npos ? std::string() : text.substr(0, end);
}

void add_dirs(std::string_view list, std::vector<std::string>& out) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(':'), list.size());
    if (end > 0) out.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

}  // namespace

LinkedLibs read_linked_libs(const ElfImage& image) {
  const auto entries = read_entries(image);
  LinkedLibs libs;
  for (const Elf64_Dyn& entry : entries) {
    if (entry.d_tag == DT_NEEDED) {
      std::string name = read_text(image, entries, entry.d_un.d_val);
      if (!name.empty()) libs.needed.push_back(std::move(name));
    } else if (entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH) {
      add_dirs(read_text(image, entries, entry.d_un.d_val), libs.search_dirs);
    }
  }
  return libs;
}

}  // namespace bp
