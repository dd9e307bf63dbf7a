// The members of a ZIP archive whose members are stored, not compressed, as torch.save writes it; ZIP64 included.
//
//   members   x: local header (30 bytes, then name and extra field), bytes
//   directory x: "PK\1\2" … sizes, offset of the local header, name, extra field (ZIP64: id 1)
//   [ "PK\6\6" … ZIP64 end of directory, "PK\6\7" … its locator ]   "PK\5\6" … end of directory, comment
//
// Nothing is believed: every extent is checked against the bytes there are. Thread-safe: a pure function.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>

#include "base/result.h"

namespace bp {

// Member name -> its bytes, which live as long as `bytes`.
using ZipMembers = std::unordered_map<std::string, std::span<const std::byte>>;

// Errors: kRefused for anything malformed, for a member that is compressed or encrypted, and for two of one name.
Result<ZipMembers> read_zip(std::span<const std::byte> bytes, const std::string& where);

}  // namespace bp
