#include "plugin_host/find.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

constexpr char kEnvironment[] = "BACKPLANE_PLUGIN_PATH";
constexpr char kSystemDir[] = "/usr/lib/backplane/plugins";

std::string absolute(const std::string& path) {
  std::error_code error;
  const fs::path full = fs::absolute(path, error);
  return error ? path : full.lexically_normal().string();
}

class Finder {
 public:
  void add_file(const std::string& path) {
    if (!path.empty()) add(absolute(path), true);
  }

  // A missing default folder is normal; one that was asked for is worth a line.
  void add_dir(const std::string& dir, bool asked_for) {
    if (dir.empty()) return;
    const std::string full = absolute(dir);
    if (std::ranges::find(found_.places, full) != found_.places.end()) return;
    found_.places.push_back(full);
    std::error_code error;
    std::vector<std::string> paths = libraries_in(full, error);
    if (error && asked_for) log::warn("plugins: folder {}: {}", full, error.message());
    std::ranges::sort(paths);
    for (const std::string& path : paths) add(path, false);
  }

  FoundFiles take() { return std::move(found_); }

 private:
  static std::vector<std::string> libraries_in(const std::string& dir, std::error_code& error) {
    std::vector<std::string> paths;
    for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".so") paths.push_back(it->path().string());
    }
    return paths;
  }

  void add(const std::string& path, bool asked_for) {
    struct stat info{};
    // What cannot be looked at still gets its verdict, once for each name.
    const bool is_new = ::stat(path.c_str(), &info) == 0 ? inodes_.emplace(info.st_dev, info.st_ino).second
                                                         : names_.insert(path).second;
    if (is_new) found_.files.push_back({path, asked_for});
  }

  FoundFiles found_;
  std::set<std::pair<dev_t, ino_t>> inodes_;
  std::set<std::string> names_;
};

void add_environment(Finder& finder) {
  const char* value = ::secure_getenv(kEnvironment);
  if (value == nullptr) return;
  std::string_view rest = value;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    const std::string dir(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (dir.empty()) continue;
    if (dir.front() == '/') {
      finder.add_dir(dir, true);
    } else {
      // It would be looked up in the current folder, where anybody may have put something.
      log::warn("plugins: ${}: \"{}\" is not an absolute path and is ignored", kEnvironment, dir);
    }
  }
}

void add_beside_program(Finder& finder) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return;
  const fs::path prefix = program.parent_path().parent_path();
  finder.add_dir((prefix / "lib/backplane/plugins").string(), false);
  finder.add_dir((prefix / BP_PLUGIN_SUBDIR).string(), false);
}

}  // namespace

FoundFiles find_plugin_files(const PluginSearch& search) {
  Finder finder;
  for (const std::string& path : search.paths) finder.add_file(path);
  for (const std::string& dir : search.dirs) finder.add_dir(dir, true);
  if (search.use_environment) add_environment(finder);
  if (search.use_default_dirs) {
    add_beside_program(finder);
    finder.add_dir(kSystemDir, false);
  }
  return finder.take();
}

}  // namespace bp
