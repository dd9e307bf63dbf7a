#include "plugin_host/dynamic_section.h"

#include <backplane/plugin.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

namespace bp {
namespace {

constexpr uint64_t kMaxEntries = 4096;
constexpr uint64_t kMaxTextBytes = 4096;
constexpr uint64_t kMaxSymbols = 1 << 20;
constexpr uint64_t kMaxNamesBytes = 64 << 20;
constexpr size_t kMaxForeign = 8;

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

template <class T>
bool read_at(const ElfImage& image, uint64_t offset, T& out) {
  return image.read(offset, std::as_writable_bytes(std::span(&out, 1)));
}

// How many symbols there are, which only the tables of hashes tell: DT_HASH has their number, in DT_GNU_HASH the last
// chain ends with the last symbol.
std::optional<uint64_t> count_by_gnu_hash(const ElfImage& image, uint64_t at) {
  std::array<uint32_t, 4> header{};  // n_buckets, first hashed symbol, n_bloom words, shift
  if (!read_at(image, at, header)) return std::nullopt;
  const auto [n_buckets, first, n_bloom, shift] = header;
  if (n_buckets > kMaxSymbols || n_bloom > kMaxSymbols) return std::nullopt;
  const uint64_t buckets_at = at + sizeof header + uint64_t{n_bloom} * sizeof(uint64_t);
  std::vector<uint32_t> buckets(n_buckets);
  if (!image.read(buckets_at, std::as_writable_bytes(std::span(buckets)))) return std::nullopt;
  const uint32_t last = buckets.empty() ? 0 : *std::ranges::max_element(buckets);
  if (last < first) return first;
  const uint64_t chains_at = buckets_at + uint64_t{n_buckets} * sizeof(uint32_t);
  for (uint64_t symbol = last; symbol < kMaxSymbols; ++symbol) {
    uint32_t hash = 0;
    if (!read_at(image, chains_at + (symbol - first) * sizeof hash, hash)) return std::nullopt;
    if ((hash & 1) != 0) return symbol + 1;
  }
  return std::nullopt;
}

std::optional<uint64_t> count_symbols(const ElfImage& image, const std::vector<Elf64_Dyn>& entries) {
  if (const uint64_t address = value_of(entries, DT_GNU_HASH); address != 0) {
    const auto at = image.file_offset(address);
    return at ? count_by_gnu_hash(image, *at) : std::nullopt;
  }
  const auto at = image.file_offset(value_of(entries, DT_HASH));
  std::array<uint32_t, 2> header{};  // n_buckets, n_chains
  if (!at || !read_at(image, *at, header)) return std::nullopt;
  return header[1];
}

// The table of names as one text; "" where it is none.
std::string read_names(const ElfImage& image, const std::vector<Elf64_Dyn>& entries) {
  const uint64_t size = value_of(entries, DT_STRSZ);
  const auto at = image.file_offset(value_of(entries, DT_STRTAB));
  if (!at || size > kMaxNamesBytes || size > image.size_bytes()) return {};
  std::string names(size, '\0');
  return image.read(*at, std::as_writable_bytes(std::span(names))) ? names : std::string();
}

bool is_entry(std::string_view name) {
  constexpr std::string_view kEntries = "bp_plugin_entry_v";
  if (!name.starts_with(kEntries) || name.size() == kEntries.size()) return false;
  return std::ranges::all_of(name.substr(kEntries.size()), [](char c) { return c >= '0' && c <= '9'; });
}

// Marks that linkers of some ages leave in every library.
bool is_of_linker(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {"_init",       "_fini",         "_end",   "_edata",
                                                      "__bss_start", "__bss_start__", "_etext", "__end__"};
  return std::ranges::find(kNames, name) != kNames.end();
}

void add_symbol(const Elf64_Sym& symbol, std::string_view name, LinkedSymbols& out) {
  if (symbol.st_shndx == SHN_UNDEF) {
    if (name == "__asan_init") out.sanitizer |= BP_SANITIZER_ADDRESS;
    if (name == "__tsan_init") out.sanitizer |= BP_SANITIZER_THREAD;
    return;
  }
  const int visibility = ELF64_ST_VISIBILITY(symbol.st_other);
  if (ELF64_ST_BIND(symbol.st_info) == STB_LOCAL || visibility == STV_HIDDEN || visibility == STV_INTERNAL) return;
  if (symbol.st_shndx == SHN_ABS || is_of_linker(name)) return;  // ABS: names of versions
  out.has_entry |= name == "bp_plugin_entry_v0";
  if (!is_entry(name) && out.foreign.size() < kMaxForeign) out.foreign.emplace_back(name);
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

std::optional<LinkedSymbols> read_linked_symbols(const ElfImage& image) {
  const auto entries = read_entries(image);
  const auto at = image.file_offset(value_of(entries, DT_SYMTAB));
  const auto count = count_symbols(image, entries);
  const std::string names = read_names(image, entries);
  if (!at || !count || *count == 0 || *count > kMaxSymbols || names.empty() || names.back() != '\0')
    return std::nullopt;
  if (*count > image.size_bytes() / sizeof(Elf64_Sym)) return std::nullopt;
  std::vector<Elf64_Sym> symbols(*count);
  if (!image.read(*at, std::as_writable_bytes(std::span(symbols)))) return std::nullopt;
  LinkedSymbols linked;
  for (const Elf64_Sym& symbol : std::span(symbols).subspan(1)) {
    if (symbol.st_name < names.size()) add_symbol(symbol, names.data() + symbol.st_name, linked);
  }
  return linked;
}

}  // namespace bp
