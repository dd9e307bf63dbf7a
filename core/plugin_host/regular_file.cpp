#include "plugin_host/regular_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <system_error>
#include <utility>

namespace bp {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
// Above the tick of any kernel that is in use.
constexpr int64_t kSettledAfterNs = 50'000'000;

int64_t ns_of(const timespec& time) { return time.tv_sec * kNsPerSecond + time.tv_nsec; }

std::string errno_text() { return std::system_category().message(errno); }

}  // namespace

bool FileIdentity::is_settled() const {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return ns_of(now) - changed_ns > kSettledAfterNs;
}

FileIdentity identity_of(const struct stat& info) {
  return {info.st_dev, info.st_ino, static_cast<uint64_t>(info.st_size), ns_of(info.st_mtim), ns_of(info.st_ctim)};
}

Checked<RegularFile> RegularFile::open(const std::string& path) {
  // O_NONBLOCK: a pipe without a writer must not hang us.
  RegularFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.fd_ < 0) return refuse(Verdict::kNotElf, fmt::format("cannot be opened: {}", errno_text()));
  if (!file.look()) return refuse(Verdict::kNotElf, fmt::format("cannot be read: {}", errno_text()));
  if (S_ISDIR(file.info_.st_mode)) {
    return refuse(Verdict::kNotElf, "a directory", "name folders under plugins.dirs");
  }
  if (!S_ISREG(file.info_.st_mode)) return refuse(Verdict::kNotElf, "not a regular file");
  return file;
}

RegularFile::RegularFile(RegularFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)), info_(other.info_) {}

RegularFile::~RegularFile() {
  if (fd_ >= 0) ::close(fd_);
}

bool RegularFile::look() { return ::fstat(fd_, &info_) == 0; }

int64_t RegularFile::read(uint64_t offset, std::span<std::byte> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return static_cast<int64_t>(done);
}

}  // namespace bp
