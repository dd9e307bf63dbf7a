#include "base/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace bp {
namespace {

// What open(2) would have given the file; mkstemp gives it to nobody else.
mode_t default_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

// What a symbolic link names in the end. "" where that is another process's or this one's descriptor, which no file can
// be put in place of.
std::string behind_links(const std::string& path) {
  constexpr int kMostLinks = 40;  // as many as the kernel follows
  std::error_code error;
  std::filesystem::path at = path;
  for (int i = 0; i < kMostLinks && std::filesystem::is_symlink(at, error); ++i) {
    const auto folder = std::filesystem::canonical(std::filesystem::absolute(at).parent_path(), error);
    if (folder.native().starts_with("/proc")) return "";
    at = folder / std::filesystem::read_symlink(at, error);
  }
  return at.string();
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path) {
  const auto refuse = [&](const char* why) {
    return fail(ErrorCode::kUsage, path, fmt::format("cannot write ({})", why), "name another file");
  };
  struct stat there{};
  if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) return refuse("is no regular file");
  std::string target = behind_links(path);
  if (target.empty()) return refuse("is no regular file");
  std::string temporary = target + ".XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return refuse(std::strerror(errno));
  OutputFile file(std::move(target), std::move(temporary), fd);
  if (::fchmod(fd, default_mode()) != 0) return file.failed();
  return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)) {}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  if (this == &other) return *this;
  discard();
  path_ = std::move(other.path_);
  temporary_ = std::exchange(other.temporary_, {});
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

OutputFile::~OutputFile() { discard(); }

void OutputFile::discard() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  if (!temporary_.empty()) ::unlink(std::exchange(temporary_, {}).c_str());
}

std::unexpected<Error> OutputFile::failed() const {
  return fail(ErrorCode::kFailed, path_, fmt::format("cannot write ({})", std::strerror(errno)), "check the disk");
}

Status OutputFile::write(uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed();
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Status OutputFile::resize(uint64_t size_bytes) const {
  if (::ftruncate(fd_, static_cast<off_t>(size_bytes)) != 0) return failed();
  return {};
}

Status OutputFile::commit() {
  if (::fsync(fd_) != 0) return failed();
  if (::close(std::exchange(fd_, -1)) != 0) return failed();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed();
  temporary_.clear();
  return {};
}

}  // namespace bp
