// A shared library as a file: its program headers, checked, and the bytes they name. Nothing of it is mapped or run.
// Movable; not thread-safe. Invariant: every segment lies inside the file, and so does the section table, if there is
// one.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "plugin_host/regular_file.h"
#include "plugin_host/verdict.h"

namespace bp {

class ElfImage {
 public:
  // Refuses NOT_ELF (directories, pipes, unreadable files, other formats), TRUNCATED, WRONG_ARCH. Reads a few KB.
  static Checked<ElfImage> open(const std::string& path);
  static Checked<ElfImage> parse(RegularFile file);

  // Nothing but look() changes it, and that not the image.
  RegularFile& file() { return file_; }
  uint64_t size_bytes() const { return size_bytes_; }
  std::span<const Elf64_Phdr> segments() const { return segments_; }
  // False where the range is not inside the file, or the file has shrunk since.
  bool read(uint64_t offset, std::span<std::byte> out) const;
  // Where in the file the byte at this virtual address is.
  std::optional<uint64_t> file_offset(uint64_t address) const;

 private:
  explicit ElfImage(RegularFile file)
      : file_(std::move(file)), size_bytes_(static_cast<uint64_t>(file_.info().st_size)) {}
  Checked<Elf64_Ehdr> read_header() const;
  Checked<void> read_segments(const Elf64_Ehdr& header);

  RegularFile file_;
  uint64_t size_bytes_;
  std::vector<Elf64_Phdr> segments_;
};

}  // namespace bp
