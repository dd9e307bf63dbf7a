#include "plugin_host/missing_libs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/mapped_file.h"
#include "plugin_host/dynamic_section.h"
#include "plugin_host/library.h"
#include "plugin_host/origin_links.h"

namespace bp {
namespace {

constexpr size_t kMaxCacheBytes = 64 << 20;

// Does the loader's own cache know a library of this name? A name in it follows a NUL, or the slash of a path that
// shares its bytes, which saves us from the cache's format.
bool is_in_loader_cache(const std::string& cache, const std::string& name) {
  const std::string text = name + '\0';
  for (size_t at = cache.find(text); at != std::string::npos; at = cache.find(text, at + 1)) {
    if (at > 0 && (cache[at - 1] == '\0' || cache[at - 1] == '/')) return true;
  }
  return false;
}

std::vector<std::string> split_dirs(const char* list) {
  std::vector<std::string> dirs;
  std::string_view rest = list == nullptr ? "" : list;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of(":;"), rest.size());
    if (end > 0) dirs.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return dirs;
}

class LibrarySearch {
 public:
  LibrarySearch(const LinkedLibs& libs, const std::string& plugin_path) {
    const std::string origin = plugin_path.substr(0, plugin_path.rfind('/'));
    dirs_ = split_dirs(::secure_getenv("LD_LIBRARY_PATH"));
    for (const std::string& dir : libs.search_dirs) dirs_.push_back(expand_origin(dir, origin));
    for (const char* dir : {"/lib", "/usr/lib", "/lib64", "/usr/lib64"}) dirs_.emplace_back(dir);
  }

  bool has(const std::string& name) {
    if (name.find('/') != std::string::npos) return exists(name);
    return Library::is_loaded(name) || is_in_loader_cache(loader_cache(), name) ||
           std::ranges::any_of(dirs_, [&](const std::string& dir) { return exists(dir + '/' + name); });
  }

 private:
  static bool exists(const std::string& path) { return ::access(path.c_str(), R_OK) == 0; }

  const std::string& loader_cache() {
    if (!loader_cache_) loader_cache_ = read_text_file("/etc/ld.so.cache", kMaxCacheBytes).value_or("");
    return *loader_cache_;
  }

  std::vector<std::string> dirs_;
  std::optional<std::string> loader_cache_;  // read when it is first asked
};

}  // namespace

MissingLibs find_missing_libs(const ElfImage& image, const Manifest& manifest, const std::string& path) {
  const LinkedLibs libs = read_linked_libs(image);
  LibrarySearch search(libs, path);
  MissingLibs missing;
  for (const LibraryNeed& need : manifest.needs) {
    if (!need.optional && !search.has(need.library)) missing.needs.push_back(need.library);
  }
  for (const std::string& name : libs.needed) {
    const bool named = std::ranges::find(missing.needs, name) != missing.needs.end();
    if (!named && !search.has(name)) missing.linked.push_back(name);
  }
  return missing;
}

Refusal missing_libs_refusal(const std::vector<std::string>& names, const Manifest& manifest) {
  std::string fix = manifest.hint.empty() ? std::string("install them") : manifest.hint;
  return Refusal{Verdict::kMissingLibs, fmt::format("not on this machine: {}", fmt::join(names, ", ")), std::move(fix)};
}

}  // namespace bp
