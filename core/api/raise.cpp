#include "api/raise.h"

namespace bp::api {
namespace {

std::string message(const std::string& where, const std::string& problem, const std::string& fix) {
  return bp::Error{bp::ErrorCode::kFailed, where, problem, fix}.message();
}

static_assert(static_cast<int>(ErrorCode::kInterrupted) == static_cast<int>(bp::ErrorCode::kInterrupted));

}  // namespace

Error::Error(ErrorCode code, std::string where, std::string problem, std::string fix)
    : std::runtime_error(message(where, problem, fix)),
      code_(code),
      where_(std::move(where)),
      problem_(std::move(problem)),
      fix_(std::move(fix)) {}

void raise(bp::Error error) {
  throw Error(static_cast<ErrorCode>(error.code), std::move(error.where), std::move(error.what), std::move(error.fix));
}

void raise(ErrorCode code, std::string where, std::string what, std::string fix) {
  throw Error(code, std::move(where), std::move(what), std::move(fix));
}

}  // namespace bp::api
