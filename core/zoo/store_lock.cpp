#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/log.h"
#include "zoo/store.h"

namespace bp {
namespace {

// rm removes the lock's file: a lock of a file that has no name any more is nobody's.
bool is_still_at(int fd, const std::string& path) {
  struct stat held{}, named{};
  return ::fstat(fd, &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

}  // namespace

Result<StoreLock> StoreLock::take(const std::string& folder, const std::stop_token& stop) {
  const std::string path = folder + "/.lock";
  bool told = false;
  while (true) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    // Close-on-exec: a child that outlives us must not keep the lock.
    StoreLock lock(error ? -1 : ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (lock.fd_ < 0) {
      if (!error && errno == ENOENT) continue;  // rm took the folder away just now
      const std::string why = error ? error.message() : std::strerror(errno);
      return fail(ErrorCode::kFailed, folder, fmt::format("cannot be written ({})", why),
                  "set models.dir to a folder of yours");
    }
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) == 0) {
      if (is_still_at(lock.fd_, path)) return lock;
      continue;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return fail(ErrorCode::kFailed, path, fmt::format("cannot be locked ({})", std::strerror(errno)),
                  "use a local disk");
    }
    if (stop.stop_requested())
      return fail(ErrorCode::kInterrupted, folder, "interrupted while another pull was under way");
    if (!std::exchange(told, true)) log::info("zoo: waiting for another pull of {}", folder);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

StoreLock::StoreLock(StoreLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StoreLock& StoreLock::operator=(StoreLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

StoreLock::~StoreLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace bp
