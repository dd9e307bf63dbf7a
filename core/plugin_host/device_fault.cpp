#include "plugin_host/device_fault.h"

#include <fmt/format.h>

#include <algorithm>
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

constexpr bp_status kLastStatus = BP_E_INTERNAL;

std::string scope_text(bp_status status, const bp_err& err) {
  static constexpr std::array<const char*, 4> kNames = {"call", "queue", "device", "process"};
  const char* name = kNames[scope_of(status, err)];
  if (err.scope > BP_SCOPE_PROCESS) return fmt::format("{}, which plugin.h lacks: taken for {}", err.scope, name);
  return name;
}

std::string fix_of(bp_status status, const bp_err& err) {
  switch (scope_of(status, err)) {
    case BP_SCOPE_PROCESS:
      return "restart the program: this process cannot use the device again";
    case BP_SCOPE_DEVICE:
      return "open the device again";
    default:
      return {};
  }
}

}  // namespace

uint32_t scope_of(bp_status status, const bp_err& err) {
  if (err.scope > BP_SCOPE_PROCESS) return BP_SCOPE_DEVICE;
  const bool is_lost = status == BP_E_DEVICE_LOST || status == BP_E_TIMEOUT;
  return is_lost ? std::max<uint32_t>(err.scope, BP_SCOPE_DEVICE) : err.scope;
}

std::string status_name(bp_status status) {
  static constexpr std::array<const char*, 9> kNames = {
      "ok",   "invalid argument", "unsupported",   "out of memory", "device lost", "wrong version",
      "busy", "timeout",          "internal error"};
  static_assert(kNames.size() == kLastStatus + 1);
  if (status >= 0 && static_cast<size_t>(status) < kNames.size()) return kNames[static_cast<size_t>(status)];
  return fmt::format("status {}, which plugin.h lacks", status);
}

Error plugin_error(const std::string& where, const char* call, bp_status status, const bp_err& err) {
  std::string what = fmt::format("{} failed: {}", call, status_name(status));
  const std::string message = printable(err.msg, sizeof err.msg);
  if (!message.empty()) what += ": " + message;
  std::string details;
  if (err.native != 0) details += fmt::format(", native code {}", err.native);
  if (err.launch_tag != 0) details += fmt::format(", launch tag {}", err.launch_tag);
  if (scope_of(status, err) != BP_SCOPE_CALL) details += fmt::format(", scope {}", scope_text(status, err));
  if (!details.empty()) what += fmt::format(" ({})", details.substr(2));
  return Error{error_code_of(status), where, what, fix_of(status, err)};
}

Error DeviceFault::failed(const char* name, const bp_queue* queue, bp_status status, const bp_err& err) {
  Error error = plugin_error(device_id_, name, status, err);
  const uint32_t scope = scope_of(status, err);
  const std::scoped_lock lock(mutex_);
  last_site_ = {scope, err.launch_tag};
  if (scope >= BP_SCOPE_DEVICE) {
    if (first_fault_.empty()) first_fault_ = error.what;
    lost_.store(true, std::memory_order_relaxed);
  } else if (scope == BP_SCOPE_QUEUE && queue != nullptr) {
    if (first_fault_.empty()) first_fault_ = error.what;
    faulted_.push_back(queue);
    n_faulted_.store(faulted_.size(), std::memory_order_relaxed);
  }
  return error;
}

void DeviceFault::forget(const bp_queue* queue) {
  if (n_faulted_.load(std::memory_order_relaxed) == 0) return;
  const std::scoped_lock lock(mutex_);
  std::erase(faulted_, queue);
  n_faulted_.store(faulted_.size(), std::memory_order_relaxed);
}

bool DeviceFault::is_faulted(const bp_queue* queue) const {
  const std::scoped_lock lock(mutex_);
  return queue != nullptr && std::ranges::find(faulted_, queue) != faulted_.end();
}

FaultSite DeviceFault::last_site() const {
  const std::scoped_lock lock(mutex_);
  return last_site_;
}

Error DeviceFault::broken(const char* call, const std::string& what) const {
  const std::string plugin = plugin_.empty() ? "its plugin" : "plugin " + plugin_;
  return Error{ErrorCode::kDevice, device_id_, fmt::format("{}: {} {}", plugin, call, what),
               "report this to the plugin's author"};
}

Error DeviceFault::lost_error(const char* name) const {
  const std::scoped_lock lock(mutex_);
  return Error{ErrorCode::kDevice, device_id_,
               fmt::format("{} refused: the {} is lost since \"{}\"", name, lost() ? "device" : "queue", first_fault_),
               "open the device again, or restart the program"};
}

}  // namespace bp
