#include "compile/tuning_journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <utility>

#include "base/sha256.h"

namespace bp {
namespace {

constexpr size_t kMaxBytes = size_t{16} << 20;

std::unexpected<Error> failed(const std::string& what) {
  return fail(ErrorCode::kFailed, "tuning journal", fmt::format("{} ({})", what, std::strerror(errno)),
              "set models.cache_dir to a local folder of yours");
}

}  // namespace

Result<TuningJournal> TuningJournal::open(const std::string& path) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::filesystem::create_directories(folder, error);
  if (error) {
    return fail(ErrorCode::kFailed, folder.string(), fmt::format("cannot be made ({})", error.message()),
                "set models.cache_dir to a folder of yours");
  }
  TuningJournal journal(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644));
  if (journal.fd_ < 0) return failed(path + " cannot be opened");
  if (::flock(journal.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed(path + " cannot be locked");
    return fail(ErrorCode::kFailed, path, "another process tunes this device", "wait until it is done");
  }
  BP_TRY_VOID(journal.read());
  return journal;
}

TuningJournal::TuningJournal(TuningJournal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), killers_(std::move(other.killers_)) {}

TuningJournal::~TuningJournal() {
  if (fd_ >= 0) ::close(fd_);
}

// What is no line of ours is passed over; what remains of use is written anew.
Status TuningJournal::read() {
  std::string text;
  char chunk[4096];
  for (ssize_t n; (n = ::pread(fd_, chunk, sizeof(chunk), static_cast<off_t>(text.size()))) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("cannot be read");
    text.append(chunk, static_cast<size_t>(n));
    if (text.size() > kMaxBytes) break;
  }
  std::istringstream lines(text);
  for (std::string word, hash; lines >> word >> hash;) {
    if (hash.size() != 64) continue;
    if (word == "try" || word == "kills") killers_.insert(hash);
    if (word == "done") killers_.erase(hash);
  }
  if (::ftruncate(fd_, 0) != 0) return failed("cannot be emptied");
  for (const std::string& hash : killers_) BP_TRY_VOID(write("kills " + hash + "\n", false));
  return {};
}

bool TuningJournal::kills(const std::string& trial) const { return killers_.contains(sha256_hex(trial)); }

Status TuningJournal::begin(const std::string& trial) { return write("try " + sha256_hex(trial) + "\n", true); }

Status TuningJournal::end(const std::string& trial) { return write("done " + sha256_hex(trial) + "\n", false); }

Status TuningJournal::write(const std::string& line, bool to_disk) const {
  if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return failed("cannot be written");
  if (to_disk && ::fdatasync(fd_) != 0) return failed("cannot be brought to the disk");
  return {};
}

}  // namespace bp
