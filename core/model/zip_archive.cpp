#include "model/zip_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace bp {
namespace {

constexpr uint32_t kLocal = 0x04034b50, kDirectory = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kLocator64 = 0x07064b50;
constexpr uint64_t kLocalBytes = 30, kDirectoryBytes = 46, kEndBytes = 22, kEnd64Bytes = 56, kLocator64Bytes = 20;
constexpr uint64_t kMaxComment = 65535;
constexpr uint64_t kMaxMembers = 1'000'000;
constexpr uint64_t kMax32 = 0xffffffff;

class ZipReader {
 public:
  ZipReader(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  Result<ZipMembers> read() {
    BP_TRY(const Directory directory, find_directory());
    ZipMembers members;
    uint64_t at = directory.offset;
    for (uint64_t i = 0; i < directory.n_members; ++i) BP_TRY_VOID(read_member(at, members));
    return members;
  }

 private:
  struct Directory {
    uint64_t n_members = 0, offset = 0;
  };
  struct Member {
    uint64_t size = 0, packed_size = 0, offset = 0;
  };

  std::unexpected<Error> refuse(std::string what) const {
    return fail(ErrorCode::kRefused, where_, std::move(what), "the file is damaged or cut short, download it again");
  }

  bool has(uint64_t at, uint64_t n) const { return at <= bytes_.size() && n <= bytes_.size() - at; }
  template <class T>
  T number(uint64_t at) const {  // REQUIRES: has(at, sizeof(T))
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof(T));
    return value;
  }
  std::string_view text(uint64_t at, uint64_t n) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + at, n};
  }

  std::optional<uint64_t> find_end() const {
    if (bytes_.size() < kEndBytes) return std::nullopt;
    const uint64_t last = bytes_.size() - kEndBytes;
    for (uint64_t back = 0; back <= std::min(last, kMaxComment); ++back) {
      if (number<uint32_t>(last - back) == kEnd && number<uint16_t>(last - back + 20) == back) return last - back;
    }
    return std::nullopt;
  }

  Result<Directory> find_directory() const {
    const auto end = find_end();
    if (!end) return refuse("has no directory of a ZIP archive");
    Directory directory{number<uint16_t>(*end + 10), number<uint32_t>(*end + 16)};
    if (*end >= kLocator64Bytes && number<uint32_t>(*end - kLocator64Bytes) == kLocator64) {
      const auto end64 = number<uint64_t>(*end - kLocator64Bytes + 8);
      if (!has(end64, kEnd64Bytes) || number<uint32_t>(end64) != kEnd64) return refuse("has a ZIP64 end elsewhere");
      directory = {number<uint64_t>(end64 + 32), number<uint64_t>(end64 + 48)};
    }
    if (directory.n_members > kMaxMembers) return refuse(fmt::format("claims {} members", directory.n_members));
    return directory;
  }

  // The 64-bit numbers that stand in the extra field for those that do not fit 32 bits, in this order.
  Status read_extra64(uint64_t at, uint64_t n, Member& member) const {
    const uint64_t end = at + n;
    while (end - at >= 4) {
      const auto id = number<uint16_t>(at), size = number<uint16_t>(at + 2);
      at += 4;
      if (size > end - at) break;
      if (id != 1) {
        at += size;
        continue;
      }
      uint64_t field = at;
      for (uint64_t* value : {&member.size, &member.packed_size, &member.offset}) {
        if (*value != kMax32) continue;
        if (field + 8 > at + size) return refuse("has a ZIP64 field that is too short");
        *value = number<uint64_t>(field);
        field += 8;
      }
      return {};
    }
    return {};
  }

  Status read_member(uint64_t& at, ZipMembers& members) const {
    if (!has(at, kDirectoryBytes) || number<uint32_t>(at) != kDirectory) {
      return refuse(fmt::format("has no directory entry at byte {}", at));
    }
    const auto flags = number<uint16_t>(at + 8), method = number<uint16_t>(at + 10);
    const uint64_t name_bytes = number<uint16_t>(at + 28), extra_bytes = number<uint16_t>(at + 30),
                   comment_bytes = number<uint16_t>(at + 32);
    if (!has(at + kDirectoryBytes, name_bytes + extra_bytes + comment_bytes)) {
      return refuse(fmt::format("has a directory that is cut short at byte {}", at));
    }
    const std::string name(text(at + kDirectoryBytes, name_bytes));
    Member member{number<uint32_t>(at + 24), number<uint32_t>(at + 20), number<uint32_t>(at + 42)};
    BP_TRY_VOID(read_extra64(at + kDirectoryBytes + name_bytes, extra_bytes, member));
    at += kDirectoryBytes + name_bytes + extra_bytes + comment_bytes;
    if ((flags & 1) != 0 || method != 0 || member.size != member.packed_size) {
      return refuse(fmt::format("holds {} compressed or encrypted", name));
    }
    BP_TRY(const auto found, member_bytes(name, member));
    if (!members.emplace(name, found).second) return refuse(fmt::format("holds {} twice", name));
    return {};
  }

  Result<std::span<const std::byte>> member_bytes(const std::string& name, const Member& member) const {
    if (!has(member.offset, kLocalBytes) || number<uint32_t>(member.offset) != kLocal) {
      return refuse(fmt::format("has no member at byte {}, where {} should be", member.offset, name));
    }
    const uint64_t begin =
        member.offset + kLocalBytes + number<uint16_t>(member.offset + 26) + number<uint16_t>(member.offset + 28);
    if (!has(begin, member.size)) {
      return refuse(fmt::format("holds {} in {} bytes at byte {} of {}", name, member.size, begin, bytes_.size()));
    }
    return bytes_.subspan(begin, member.size);
  }

  std::span<const std::byte> bytes_;
  const std::string& where_;
};

}  // namespace

Result<ZipMembers> read_zip(std::span<const std::byte> bytes, const std::string& where) {
  return ZipReader(bytes, where).read();
}

}  // namespace bp
