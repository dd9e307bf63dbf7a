#include "base/cache_folder.h"

#include <cstdlib>

namespace bp {

std::string cache_folder(const std::string& cache_dir, const std::string& name) {
  if (!cache_dir.empty()) return cache_dir + "/" + name;
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  if (xdg != nullptr && xdg[0] == '/') return std::string(xdg) + "/backplane/" + name;
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/backplane/" + name : std::string();
}

}  // namespace bp
