#include "plugin_host/origin_links.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace bp {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> kOrigin = {"${ORIGIN}", "$ORIGIN"};
constexpr int kMaxLinks = 1024;

bool is_inside(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && relative.begin()->string() != "..";
}

// The copy's own way there stays a folder, and each entry of the original folder becomes a link.
void mirror(const fs::path& folder, const fs::path& copy) {
  std::error_code error;
  int n_links = 0;
  for (fs::directory_iterator it(folder, error), end; !error && it != end && n_links < kMaxLinks; it.increment(error)) {
    std::error_code there;
    const fs::path link = copy / it->path().filename();
    if (fs::exists(fs::symlink_status(link, there))) continue;
    fs::create_symlink(it->path(), link, there);
    ++n_links;
  }
}

}  // namespace

bool names_origin(std::span<const std::string> search_dirs) {
  return std::ranges::any_of(search_dirs, [](const std::string& dir) {
    return std::ranges::any_of(kOrigin, [&](std::string_view word) { return dir.find(word) != std::string::npos; });
  });
}

std::string expand_origin(std::string dir, const std::string& origin) {
  for (const std::string_view word : kOrigin) {
    if (const size_t at = dir.find(word); at != std::string::npos) dir.replace(at, word.size(), origin);
  }
  return dir;
}

void link_origin_dirs(const std::string& root, const std::string& file, std::span<const std::string> search_dirs) {
  const fs::path origin = fs::path(file).parent_path();
  for (const std::string& dir : search_dirs) {
    if (!names_origin({&dir, 1})) continue;
    fs::path target = fs::path(expand_origin(dir, origin.string())).lexically_normal();
    if (!target.has_filename()) target = target.parent_path();  // "a/b/"
    std::error_code error;
    if (!target.is_absolute() || !fs::is_directory(target, error)) continue;
    const fs::path copy = root / target.relative_path();
    if (is_inside(origin, target)) {
      mirror(target, copy);
    } else if (!fs::exists(copy, error)) {
      fs::create_directories(copy.parent_path(), error);
      fs::create_directory_symlink(target, copy, error);
    }
  }
}

}  // namespace bp
