// Any bytes as the headers of a response and as a note: what they say is a number, a hash, or nothing.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "zoo/http_headers.h"
#include "zoo/manifest.h"
#include "zoo/note.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  bp::HttpHeaders headers;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1);
    headers.add(text.substr(at, end + 1 - at));
    at = end + 1;
  }
  if (!headers.linked_sha256().empty() && !bp::is_sha256(headers.linked_sha256())) std::abort();
  if (!headers.etag().empty() && headers.etag().find('\n') != std::string::npos) std::abort();
  if (const auto lines = bp::parse_note(text); lines && bp::parse_note(bp::write_note(*lines)) != lines) std::abort();
  if (bp::is_safe_name(text) && (text.find("..") == 0 || text.find("/.") != text.npos || text[0] == '/')) std::abort();
  return 0;
}
