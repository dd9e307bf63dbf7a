// BP_CHECK(cond, "format", values…): a programmer's error ends the process with the place and the values.
// Never for input: input errors are Result<T>.
#pragma once

#include <fmt/format.h>

#include <source_location>
#include <string>

namespace bp {

[[noreturn]] void check_failed(const char* condition, const std::string& message,
                               std::source_location where = std::source_location::current());

}  // namespace bp

#define BP_CHECK(cond, ...)                                     \
  do {                                                          \
    if (!(cond)) [[unlikely]]                                   \
      ::bp::check_failed(#cond, ::fmt::format("" __VA_ARGS__)); \
  } while (false)
