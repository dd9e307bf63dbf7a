// The note beside a model: which hash each file had when it was last read, so that it need not be read again.
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bp {

struct NoteLine {
  std::string sha256;
  uint64_t size_bytes = 0;
  int64_t mtime_ns = 0;  // of the file, when it had this hash
  bool operator==(const NoteLine&) const = default;
};

// One line a file, in the manifest's order: "SHA256 SIZE MTIME".
std::string write_note(const std::vector<NoteLine>& lines);
// Nothing where it is no note.
std::optional<std::vector<NoteLine>> parse_note(std::string_view text);

}  // namespace bp
