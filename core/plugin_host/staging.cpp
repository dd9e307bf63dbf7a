#include "plugin_host/staging.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "plugin_host/dynamic_section.h"
#include "plugin_host/origin_links.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

constexpr size_t kChunk = 1 << 20;
constexpr int kMaxTries = 3;
constexpr size_t kKeptUnused = 8;
constexpr auto kKeptAtLeast = std::chrono::hours(1);
constexpr char kUnfinished[] = "new-";

std::unexpected<Error> unusable(const std::string& root, const std::string& why) {
  return fail(ErrorCode::kFailed, root, fmt::format("cannot hold copies of plugins ({})", why),
              "set models.cache_dir to a folder of yours");
}

std::string make_folder(const std::string& parent) {
  std::string path = parent + "/" + kUnfinished + "XXXXXX";
  return ::mkdtemp(path.data()) == nullptr ? std::string() : path;
}

// Removed with the object unless it was renamed.
struct Unfinished {
  std::string path;
  ~Unfinished() {
    std::error_code error;
    if (!path.empty()) fs::remove_all(path, error);
  }
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return true;
}

std::unexpected<Refusal> cannot_copy(const std::string& root, const char* why) {
  return refuse(Verdict::kUntrusted, fmt::format("cannot be copied to {} ({})", root, why),
                "set models.cache_dir to a folder with space");
}

// Copies the file as it is now and hashes what was copied.
Checked<std::string> copy_file(const RegularFile& from, const std::string& to) {
  const Descriptor out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0500));
  if (out.get() < 0) return cannot_copy(to, std::strerror(errno));
  const auto buffer = std::make_unique<std::byte[]>(kChunk);
  Sha256 hash;
  for (uint64_t at = 0;;) {
    const int64_t n = from.read(at, {buffer.get(), kChunk});
    if (n < 0) return refuse(Verdict::kNotElf, fmt::format("cannot be read: {}", std::strerror(errno)));
    if (n == 0) break;
    const std::span<const std::byte> bytes(buffer.get(), static_cast<size_t>(n));
    hash.update(bytes);
    if (!write_all(out.get(), bytes)) return cannot_copy(to, std::strerror(errno));
    at += static_cast<uint64_t>(n);
  }
  // Its name must not outlive its bytes when the power fails.
  if (::fsync(out.get()) != 0) return cannot_copy(to, std::strerror(errno));
  return hash.finish();
}

// copy_file() of one state of the file: it looks the same before and after.
Checked<std::string> copy_steady(RegularFile& from, const std::string& to, bool& settled) {
  for (int i = 0; i < kMaxTries; ++i) {
    const FileIdentity before = identity_of(from.info());
    settled = before.is_settled();
    auto hash = copy_file(from, to);
    if (!hash || (from.look() && identity_of(from.info()) == before)) return hash;
    ::unlink(to.c_str());
  }
  return refuse(Verdict::kTruncated, "it changes while it is read", "wait until it is installed");
}

}  // namespace

Status make_private_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return unusable(path, std::strerror(errno));
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return unusable(path, std::strerror(errno));
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid()) return unusable(path, "no folder of ours");
  if ((info.st_mode & 077) != 0 && ::chmod(path.c_str(), 0700) != 0) return unusable(path, std::strerror(errno));
  if (::access(path.c_str(), W_OK | X_OK) != 0) return unusable(path, std::strerror(errno));
  return {};
}

Result<StagingFolder> StagingFolder::open(const std::string& root) {
  BP_TRY_VOID(make_private_folder(root));
  struct statvfs system{};
  if (::statvfs(root.c_str(), &system) == 0 && (system.f_flag & ST_NOEXEC) != 0) {
    return unusable(root, "its file system is mounted noexec");
  }
  return StagingFolder(root, false);
}

Result<StagingFolder> StagingFolder::temporary() {
  const char* tmpdir = ::secure_getenv("TMPDIR");
  std::string path = std::string(tmpdir != nullptr && tmpdir[0] == '/' ? tmpdir : "/tmp") + "/backplane-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return unusable(path, std::strerror(errno));
  auto folder = open(path);
  if (folder) folder->temporary_ = true;
  return folder;
}

StagingFolder::StagingFolder(StagingFolder&& other) noexcept
    : root_(std::move(other.root_)), temporary_(std::exchange(other.temporary_, false)) {}

StagingFolder& StagingFolder::operator=(StagingFolder&& other) noexcept {
  std::swap(root_, other.root_);
  std::swap(temporary_, other.temporary_);
  return *this;
}

StagingFolder::~StagingFolder() {
  std::error_code error;
  if (temporary_) fs::remove_all(root_, error);
}

Checked<StagedCopy> StagingFolder::stage(ElfImage& image, const std::string& path, const std::string& name) const {
  Unfinished unfinished{make_folder(root_)};
  if (unfinished.path.empty()) return cannot_copy(root_, std::strerror(errno));
  const LinkedLibs libs = read_linked_libs(image);
  const bool has_origin = names_origin(libs.search_dirs);
  const std::string relative = has_origin ? path : "/" + name + ".so";
  std::error_code error;
  fs::create_directories(fs::path(unfinished.path + relative).parent_path(), error);
  bool settled = false;
  auto hash = copy_steady(image.file(), unfinished.path + relative, settled);
  if (!hash) return std::unexpected(hash.error());
  if (has_origin) link_origin_dirs(unfinished.path, path, libs.search_dirs);

  const std::string folder = root_ + "/" + *hash + (has_origin ? "-" + sha256_hex(path).substr(0, 16) : "");
  const std::string copy = folder + relative;
  // Another process may have been first; what it left is used if it is whole.
  for (int i = 0; i < kMaxTries && ::rename(unfinished.path.c_str(), folder.c_str()) != 0; ++i) {
    if (errno != ENOTEMPTY && errno != EEXIST) return cannot_copy(folder, std::strerror(errno));
    if (sha256_of_file(copy) == *hash) break;
    const Unfinished damaged{make_folder(root_)};
    ::rename(folder.c_str(), (damaged.path + "/damaged").c_str());
  }
  if (!fs::exists(unfinished.path, error)) unfinished.path.clear();
  struct stat info{};
  if (::lstat(copy.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return cannot_copy(folder, "it is gone again");
  return StagedCopy{copy, *hash, identity_of(info), identity_of(image.file().info()), settled};
}

bool StagingFolder::is_intact(const std::string& path, const FileIdentity& identity) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && identity_of(info) == identity;
}

void StagingFolder::clean(const std::set<std::string>& used) const {
  struct Unused {
    fs::file_time_type time;
    fs::path path;
  };
  std::vector<Unused> unused;
  std::error_code error;
  for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
    const std::string prefix = it->path().string() + "/";
    const auto first = used.lower_bound(prefix);
    if (first != used.end() && first->starts_with(prefix)) continue;
    std::error_code gone;
    const auto time = fs::last_write_time(it->path(), gone);
    if (!gone) unused.push_back({time, it->path()});
  }
  std::ranges::sort(unused, std::ranges::greater(), &Unused::time);
  const auto limit = fs::file_time_type::clock::now() - kKeptAtLeast;
  for (size_t i = 0; i < unused.size(); ++i) {
    const bool is_unfinished = unused[i].path.filename().string().starts_with(kUnfinished);
    if (unused[i].time < limit && (i >= kKeptUnused || is_unfinished)) fs::remove_all(unused[i].path, error);
  }
}

}  // namespace bp
