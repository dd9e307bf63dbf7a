#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace bp {

void check_failed(const char* condition, const std::string& message, std::source_location where) {
  fmt::print(stderr, "{}:{}: check failed: {} ({})\n", where.file_name(), where.line(), condition, message);
  std::abort();
}

}  // namespace bp
