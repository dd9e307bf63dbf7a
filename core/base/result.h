// Errors as values. Core never throws; a library that throws is caught in the one file that wraps it.
// Thread-safety: plain values.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace bp {

// What kind of failure, which decides the exit code of the command line (see exit_code()).
enum class ErrorCode {
  kFailed,       // the work failed
  kUsage,        // wrong flags or arguments
  kConfig,       // wrong configuration
  kRefused,      // a file was refused: model, tokenizer, template, plugin
  kUnsupported,  // understood, but not something this build can do
  kDevice,       // the device failed or is missing
  kOutOfMemory,  // the device or the host has too little memory
  kInterrupted,  // the user stopped it
};

// An error reads "where: what (values); what to do". `where` names a file, a key, a node or a device.
struct Error {
  ErrorCode code = ErrorCode::kFailed;
  std::string where;
  std::string what;
  std::string fix;  // may be empty

  // "where: what; fix", on one line whatever the parts hold: control characters are escaped.
  std::string message() const;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// 0 is success and not an ErrorCode; the others are the exit codes of the command line.
int exit_code(ErrorCode code);
// "usage", "refused", …: the "code" field of JSON errors.
const char* error_code_name(ErrorCode code);

inline std::unexpected<Error> fail(ErrorCode code, std::string where, std::string what, std::string fix = {}) {
  return std::unexpected(Error{code, std::move(where), std::move(what), std::move(fix)});
}

}  // namespace bp

#define BP_CONCAT_INNER(a, b) a##b
#define BP_CONCAT(a, b) BP_CONCAT_INNER(a, b)
#define BP_TRY_IMPL(tmp, decl, expr)                                    \
  auto tmp = (expr);                                                    \
  if (!tmp.has_value()) return std::unexpected(std::move(tmp.error())); \
  decl = std::move(*tmp)

// BP_TRY(auto x, f());  returns f()'s error from the enclosing function, or declares x with its value.
#define BP_TRY(decl, expr) BP_TRY_IMPL(BP_CONCAT(bp_try_, __COUNTER__), decl, expr)
// BP_TRY_VOID(f());  the same for a Status, or for a value nobody needs.
#define BP_TRY_VOID(expr)                                                                                         \
  do {                                                                                                            \
    if (auto bp_status_ = (expr); !bp_status_.has_value()) return std::unexpected(std::move(bp_status_.error())); \
  } while (false)
