#include "plugin_host/trust.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>

namespace bp {
namespace {

namespace fs = std::filesystem;

// A group of ours alone, as many systems make for each user, or root's is no stranger.
bool strangers_may_write(const struct stat& info) {
  if ((info.st_mode & S_IWOTH) != 0) return true;
  return (info.st_mode & S_IWGRP) != 0 && info.st_gid != 0 && info.st_gid != ::getegid();
}

Checked<void> check_owner(const std::string& what, const std::string& path, const struct stat& info) {
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return refuse(Verdict::kUntrusted,
                  fmt::format("{} belongs to user {}, neither to root nor to us", what, info.st_uid),
                  fmt::format("chown root {}", path));
  }
  if (strangers_may_write(info)) {
    return refuse(Verdict::kUntrusted,
                  fmt::format("{} may be written by others (mode {:o})", what, info.st_mode & 07777),
                  fmt::format("chmod go-w {}", path));
  }
  return {};
}

}  // namespace

Checked<void> check_trust(const std::string& path, const RegularFile& file) {
  if (auto owner = check_owner("the file", path, file.info()); !owner) return owner;
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  std::set<std::string> folders = {fs::path(path).parent_path().string()};
  if (!error) folders.insert(real.parent_path().string());
  for (const std::string& folder : folders) {
    struct stat info{};
    if (::stat(folder.c_str(), &info) != 0) {
      return refuse(Verdict::kUntrusted, fmt::format("its folder {} cannot be looked at", folder));
    }
    if (auto owner = check_owner(fmt::format("its folder {}", folder), folder, info); !owner) return owner;
  }
  return {};
}

}  // namespace bp
