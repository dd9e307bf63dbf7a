// The fake plugins as files, whole, cut or with bytes changed; and folders to put them into.
#pragma once

#include <backplane/plugin.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "plugin_host/registry.h"

namespace bp {

inline std::string fake_path(const std::string& name) { return BP_BUILD_DIR "/tests/fakes/" + name + ".so"; }

inline std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// A folder of this test alone, gone with the object.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "backplane-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::string file = path_ + "/" + name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }
  std::string copy(const std::string& fake, const std::string& name) const {
    return write(name, read_bytes(fake_path(fake)));
  }

 private:
  std::string path_;
};

// Where this test's copies and verdicts are kept.
inline const std::string& test_cache() {
  static const TempDir dir;
  return dir.path();
}

inline PluginSearch only(std::vector<std::string> paths) {
  PluginSearch search;
  search.paths = std::move(paths);
  search.use_environment = search.use_default_dirs = false;
  search.cache_dir = test_cache();
  return search;
}

// Changes of files tell by their times, which tick coarsely: what was changed just now is not kept as known.
inline void let_settle() { std::this_thread::sleep_for(std::chrono::milliseconds(60)); }

// The bytes of the good fake with its manifest changed by `change(bp_manifest&)`.
template <class F>
std::string with_manifest(F&& change) {
  std::string bytes = read_bytes(fake_path("good"));
  const size_t at = bytes.find(std::string("BKPLAN0\0", 8));
  bp_manifest manifest;
  std::memcpy(&manifest, bytes.data() + at, sizeof manifest);
  change(manifest);
  std::memcpy(bytes.data() + at, &manifest, sizeof manifest);
  return bytes;
}

}  // namespace bp
