// JSON lines on standard input to JSON lines on standard output.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"

namespace bp::cli {

// Calls `read` for each non-empty line. Stops at the first error; `where` is "standard input:LINE". Errors: kUsage for
// a line that is no JSON, and those of `read`.
Status read_lines(const std::function<Status(const json::value& line, const std::string& where)>& read);

// Calls `answer` for each non-empty line and prints what it gives, flushed line by line. Errors: as read_lines.
Status for_each_line(
    const std::function<Result<json::value>(const json::value& line, const std::string& where)>& answer);

}  // namespace bp::cli
