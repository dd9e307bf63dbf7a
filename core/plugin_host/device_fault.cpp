#include "plugin_host/device_fault.h"

#include <fmt/format.h>

#include <array>

#include "plugin_host/contained_text.h"

namespace bp {
namespace {

ErrorCode error_code_of(bp_status status) {
  switch (status) {
    case BP_E_UNSUPPORTED:
      return ErrorCode::kUnsupported;
    case BP_E_NOMEM:
      return ErrorCode::kOutOfMemory;
    default:
      return ErrorCode::kDevice;
  }
}

const char* scope_name(uint32_t scope) {
  static constexpr std::array<const char*, 4> kNames = {"call", "queue", "device", "process"};
  return scope < kNames.size() ? kNames[scope] : "unknown";
}

bool is_lost(bp_status status, const bp_err& err) {
  return status == BP_E_DEVICE_LOST || status == BP_E_TIMEOUT || err.scope >= BP_SCOPE_DEVICE;
}

std::string fix_of(bp_status status, const bp_err& err) {
  if (err.scope == BP_SCOPE_PROCESS) return "restart the program: this process cannot use the device again";
  if (is_lost(status, err)) return "open the device again";
  return {};
}

}  // namespace

std::string status_name(bp_status status) {
  static constexpr std::array<const char*, 9> kNames = {
      "ok",   "invalid argument", "unsupported",   "out of memory", "device lost", "wrong version",
      "busy", "timeout",          "internal error"};
  static_assert(kNames.size() == BP_E_INTERNAL + 1);
  if (status >= 0 && static_cast<size_t>(status) < kNames.size()) return kNames[static_cast<size_t>(status)];
  return fmt::format("status {}", status);
}

Error plugin_error(const std::string& where, const char* call, bp_status status, const bp_err& err) {
  std::string what = fmt::format("{} failed: {}", call, status_name(status));
  const std::string message = printable(err.msg, sizeof err.msg);
  if (!message.empty()) what += ": " + message;
  std::string details;
  if (err.native != 0) details += fmt::format(", native code {}", err.native);
  if (err.launch_tag != 0) details += fmt::format(", launch tag {}", err.launch_tag);
  if (err.scope != BP_SCOPE_CALL) details += fmt::format(", scope {}", scope_name(err.scope));
  if (!details.empty()) what += fmt::format(" ({})", details.substr(2));
  return Error{error_code_of(status), where, what, fix_of(status, err)};
}

Error DeviceFault::failed(const char* name, bp_status status, const bp_err& err) {
  Error error = plugin_error(device_id_, name, status, err);
  if (is_lost(status, err)) {
    const std::scoped_lock lock(mutex_);
    if (first_fault_.empty()) first_fault_ = error.what;
    lost_.store(true, std::memory_order_relaxed);
  }
  return error;
}

Error DeviceFault::lost_error(const char* name) const {
  const std::scoped_lock lock(mutex_);
  return Error{ErrorCode::kDevice, device_id_,
               fmt::format("{} refused: the device is lost since \"{}\"", name, first_fault_),
               "open the device again, or restart the program"};
}

}  // namespace bp
