// What the headers of a response say of the file behind it. Thread-safety: a plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bp {

class HttpHeaders {
 public:
  // One line of a header, as it came; a status line begins a new response.
  void add(std::string_view line);

  // A strong entity tag with its quotes: the same bytes as long as it is the same. Empty: none.
  const std::string& etag() const { return etag_; }
  // "bytes FIRST-LAST/TOTAL"
  std::optional<uint64_t> range_first() const { return range_first_; }
  std::optional<uint64_t> range_total() const { return range_total_; }
  // What the hub says of the file before it redirects to where it is kept: these outlive redirects.
  const std::string& linked_sha256() const { return linked_sha256_; }
  std::optional<uint64_t> linked_size() const { return linked_size_; }

 private:
  std::string etag_, linked_sha256_;
  std::optional<uint64_t> range_first_, range_total_, linked_size_;
};

// A whole number and nothing else.
std::optional<uint64_t> parse_number(std::string_view text);
bool is_sha256(std::string_view text);

}  // namespace bp
