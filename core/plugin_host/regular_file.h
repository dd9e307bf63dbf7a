// A regular file opened for reading, and what tells it from any other and from what it was before.
// RegularFile: movable; not thread-safe.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "plugin_host/verdict.h"

namespace bp {

// Equal identities, equal bytes: whoever changes a file changes one of these.
struct FileIdentity {
  uint64_t device = 0, inode = 0, size_bytes = 0;
  int64_t modified_ns = 0, changed_ns = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
  // Changed long enough ago that a further change must have another time: clocks of file systems tick coarsely.
  bool is_settled() const;
};

FileIdentity identity_of(const struct stat& info);

class RegularFile {
 public:
  // NOT_ELF where there is none: directories, pipes, sockets, loops of links, what may not be read. Never hangs.
  static Checked<RegularFile> open(const std::string& path);
  RegularFile(RegularFile&& other) noexcept;
  RegularFile& operator=(RegularFile&&) = delete;
  ~RegularFile();

  // As it was when it was opened, or last looked at.
  const struct stat& info() const { return info_; }
  // Looks again; false where it cannot be told.
  bool look();
  // Bytes from `offset` on, as many as there are: fewer than asked for at its end. -1: errno says why.
  int64_t read(uint64_t offset, std::span<std::byte> out) const;

 private:
  explicit RegularFile(int fd) : fd_(fd) {}

  int fd_;
  struct stat info_{};
};

}  // namespace bp
