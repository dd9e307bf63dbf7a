#include "zoo/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/mapped_file.h"
#include "base/sha256.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

struct FileState {
  uint64_t size_bytes = 0;
  int64_t mtime_ns = 0;
};

std::optional<FileState> state_of(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return FileState{static_cast<uint64_t>(info.st_size),
                   info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec};
}

bool sync_path(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::fsync(fd) == 0;
  ::close(fd);
  return done;
}

std::string note_text(const std::string& sha256, const FileState& state) {
  return fmt::format("{} {} {}\n", sha256, state.size_bytes, state.mtime_ns);
}

}  // namespace

ModelStore::ModelStore(const ZooModel& model, const std::string& models_dir)
    : model_(model), folder_(models_dir + "/" + model.name) {}

bool ModelStore::is_noted() const {
  const std::optional<FileState> state = state_of(file());
  const auto text = read_text_file(note(), 4096);
  return state && text && *text == note_text(model_.sha256, *state);
}

void ModelStore::write_note() const {
  const std::optional<FileState> state = state_of(file());
  if (!state) return;
  const std::string fresh = note() + ".new";
  std::ofstream(fresh) << note_text(model_.sha256, *state);
  // Only a note: without it the hash is taken again.
  if (::rename(fresh.c_str(), note().c_str()) != 0) ::unlink(fresh.c_str());
}

bool ModelStore::has_model(bool may_write) const {
  const std::optional<FileState> state = state_of(file());
  if (!state || state->size_bytes != model_.size_bytes) return false;
  if (is_noted()) return true;
  const auto hash = sha256_of_file(file());
  if (!hash || *hash != model_.sha256) return false;
  if (may_write) write_note();
  return true;
}

Status ModelStore::check_space(uint64_t size_bytes) const {
  std::error_code error;
  const fs::space_info space = fs::space(folder_, error);
  if (error || space.available >= size_bytes) return {};
  return fail(ErrorCode::kFailed, folder_,
              fmt::format("needs {} bytes of disk, {} are free", size_bytes, static_cast<uint64_t>(space.available)),
              "free some or set models.dir to another disk");
}

Status ModelStore::accept_part() const {
  const std::optional<FileState> state = state_of(part());
  const uint64_t size_bytes = state ? state->size_bytes : 0;
  if (size_bytes != model_.size_bytes) {
    remove_part(part());
    return fail(ErrorCode::kRefused, model_.name, fmt::format("has {} bytes, not {}", size_bytes, model_.size_bytes),
                "the source has another file than the manifest says: use another source");
  }
  BP_TRY(const std::string hash, sha256_of_file(part()));
  if (hash != model_.sha256) {
    remove_part(part());
    return fail(ErrorCode::kRefused, model_.name, fmt::format("has sha256 {}, not {}", hash, model_.sha256),
                "the source has another file than the manifest says: use another source");
  }
  if (!sync_path(part(), O_RDONLY) || ::rename(part().c_str(), file().c_str()) != 0) {
    return fail(ErrorCode::kFailed, file(), fmt::format("cannot be written ({})", std::strerror(errno)),
                "check the disk");
  }
  sync_path(folder_, O_RDONLY | O_DIRECTORY);
  remove_part(part());
  write_note();
  return {};
}

void remove_part(const std::string& part) {
  ::unlink(part.c_str());
  ::unlink((part + ".etag").c_str());
}

Result<StoreLock> StoreLock::take(const std::string& folder, const std::stop_token& stop) {
  std::error_code error;
  fs::create_directories(folder, error);
  const std::string path = folder + "/.lock";
  // Close-on-exec: a child that outlives us must not keep the lock.
  StoreLock lock(error ? -1 : ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (lock.fd_ < 0) {
    const std::string why = error ? error.message() : std::strerror(errno);
    return fail(ErrorCode::kFailed, folder, fmt::format("cannot be written ({})", why),
                "set models.dir to a folder of yours");
  }
  bool told = false;
  while (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return fail(ErrorCode::kFailed, path, fmt::format("cannot be locked ({})", std::strerror(errno)),
                  "use a local disk");
    }
    if (stop.stop_requested())
      return fail(ErrorCode::kInterrupted, folder, "interrupted while another pull was under way");
    if (!std::exchange(told, true)) log::info("zoo: waiting for another pull of {}", folder);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return lock;
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
