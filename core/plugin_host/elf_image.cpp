#include "plugin_host/elf_image.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <utility>

#include "plugin_host/isa.h"

namespace bp {
namespace {

// The linkers make about ten; a header may claim 65535.
constexpr size_t kMaxSegments = 128;

bool inside(uint64_t offset, uint64_t bytes, uint64_t total) { return offset <= total && bytes <= total - offset; }

std::unexpected<Refusal> truncated(const char* what, uint64_t offset, uint64_t bytes, uint64_t total) {
  return refuse(
      Verdict::kTruncated,
      fmt::format("the {} ({} bytes at {}) reaches past the end of the file ({} bytes)", what, bytes, offset, total),
      "copy the file again");
}

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "aarch64";
    case EM_386:
      return "i386";
    case EM_ARM:
      return "arm";
    case EM_RISCV:
      return "riscv";
    default:
      return fmt::format("machine {}", machine);
  }
}

Checked<void> check_arch(const Elf64_Ehdr& header) {
  const auto* ident = header.e_ident;
  if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB) {
    return refuse(Verdict::kWrongArch, "not a 64-bit little-endian file", "install the build for this machine");
  }
  if (header.e_machine != host_elf_machine()) {
    return refuse(Verdict::kWrongArch,
                  fmt::format("built for {}, this machine is {}", machine_name(header.e_machine),
                              machine_name(host_elf_machine())),
                  "install the build for this machine");
  }
  if (header.e_type != ET_DYN)
    return refuse(Verdict::kNotElf, fmt::format("no shared library (ELF type {})", header.e_type));
  return {};
}

}  // namespace

Checked<ElfImage> ElfImage::open(const std::string& path) {
  auto file = RegularFile::open(path);
  if (!file) return std::unexpected(file.error());
  return parse(std::move(*file));
}

Checked<ElfImage> ElfImage::parse(RegularFile file) {
  ElfImage image(std::move(file));
  auto header = image.read_header();
  if (!header) return std::unexpected(header.error());
  if (auto read = image.read_segments(*header); !read) return std::unexpected(read.error());
  return image;
}

bool ElfImage::read(uint64_t offset, std::span<std::byte> out) const {
  return inside(offset, out.size(), size_bytes_) && file_.read(offset, out) == static_cast<int64_t>(out.size());
}

std::optional<uint64_t> ElfImage::file_offset(uint64_t address) const {
  for (const Elf64_Phdr& segment : segments_) {
    if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
    const uint64_t delta = address - segment.p_vaddr;
    if (delta < segment.p_filesz) return segment.p_offset + delta;
  }
  return std::nullopt;
}

Checked<Elf64_Ehdr> ElfImage::read_header() const {
  std::array<std::byte, SELFMAG> magic{};
  if (!read(0, magic) || std::memcmp(magic.data(), ELFMAG, SELFMAG) != 0) {
    return refuse(Verdict::kNotElf, size_bytes_ == 0 ? "an empty file" : "not an ELF file");
  }
  Elf64_Ehdr header{};
  if (!read(0, std::as_writable_bytes(std::span(&header, 1))))
    return truncated("ELF header", 0, sizeof header, size_bytes_);
  if (auto arch = check_arch(header); !arch) return std::unexpected(arch.error());
  const uint64_t section_bytes = static_cast<uint64_t>(header.e_shnum) * header.e_shentsize;
  if (header.e_shoff != 0 && !inside(header.e_shoff, section_bytes, size_bytes_)) {
    return truncated("section table", header.e_shoff, section_bytes, size_bytes_);
  }
  return header;
}

Checked<void> ElfImage::read_segments(const Elf64_Ehdr& header) {
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > kMaxSegments) {
    return refuse(Verdict::kNotElf,
                  fmt::format("malformed: {} program headers of {} bytes", header.e_phnum, header.e_phentsize));
  }
  segments_.resize(header.e_phnum);
  const auto bytes = std::as_writable_bytes(std::span(segments_));
  if (!read(header.e_phoff, bytes)) return truncated("program header table", header.e_phoff, bytes.size(), size_bytes_);
  for (const Elf64_Phdr& segment : segments_) {
    // Nothing of these is read from the file. (strip moves what mold made read-only to offsets past the end.)
    if (segment.p_type == PT_NULL || segment.p_type == PT_GNU_STACK || segment.p_type == PT_GNU_RELRO) continue;
    if (!inside(segment.p_offset, segment.p_filesz, size_bytes_)) {
      return truncated("segment", segment.p_offset, segment.p_filesz, size_bytes_);
    }
    if (segment.p_type == PT_LOAD && segment.p_memsz < segment.p_filesz) {
      return refuse(Verdict::kNotElf, "malformed: a segment is larger in the file than in memory");
    }
  }
  return {};
}

}  // namespace bp
