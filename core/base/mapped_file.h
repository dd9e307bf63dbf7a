// A file mapped read-only. Movable; the bytes live as long as the object.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace bp {

class MappedFile {
 public:
  // Maps a regular file. Errors: kRefused where it cannot be opened, is no regular file, or cannot be mapped.
  // A file that another program truncates afterwards faults on access: bytes() is for files that stay.
  static Result<MappedFile> open(const std::string& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// The whole file as text, refused above `max_bytes`.
Result<std::string> read_text_file(const std::string& path, size_t max_bytes);

}  // namespace bp
