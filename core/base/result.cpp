#include "base/result.h"

#include <fmt/format.h>

namespace bp {
namespace {

std::string one_line(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string Error::message() const {
  std::string text = one_line(where);
  if (!text.empty()) text += ": ";
  text += one_line(what);
  if (!fix.empty()) text += "; " + one_line(fix);
  return text;
}

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kFailed:
      return 1;
    case ErrorCode::kUsage:
    case ErrorCode::kConfig:
      return 2;
    case ErrorCode::kRefused:
    case ErrorCode::kUnsupported:
      return 3;
    case ErrorCode::kDevice:
    case ErrorCode::kOutOfMemory:
      return 4;
    case ErrorCode::kInterrupted:
      return 130;
  }
  return 1;
}

const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kFailed:
      return "failed";
    case ErrorCode::kUsage:
      return "usage";
    case ErrorCode::kConfig:
      return "config";
    case ErrorCode::kRefused:
      return "refused";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kDevice:
      return "device";
    case ErrorCode::kOutOfMemory:
      return "out_of_memory";
    case ErrorCode::kInterrupted:
      return "interrupted";
  }
  return "failed";
}

}  // namespace bp
