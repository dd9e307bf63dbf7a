// A file that appears under its name complete or not at all: written beside it under a temporary name, then renamed.
// A symbolic link keeps pointing where it does: the file that it names is written. Movable. write() may be called by
// several threads at once. Without commit() the temporary file is removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace bp {

class OutputFile {
 public:
  // Errors: kUsage where `path` is a folder, a device or an open descriptor (/dev/stdout), or its folder cannot be
  // written to.
  static Result<OutputFile> create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();

  // Bytes from `offset` on; what is never written is zero. Errors: kFailed, a full disk above all.
  Status write(uint64_t offset, std::span<const std::byte> bytes) const;
  // Makes it `size_bytes` long. Errors as write().
  Status resize(uint64_t size_bytes) const;
  // Brings it to the disk and gives it its name, in place of a file that has it. Errors as write().
  Status commit();

  const std::string& path() const { return path_; }

 private:
  OutputFile(std::string path, std::string temporary, int fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}
  std::unexpected<Error> failed() const;  // from errno
  void discard();

  std::string path_, temporary_;
  int fd_ = -1;
};

}  // namespace bp
