// What a device's calls came to: maps bp_err to Error in one place, and remembers that a device is gone.
// Thread-safe. After BP_E_DEVICE_LOST, BP_E_TIMEOUT or a fault of scope DEVICE or PROCESS every call() fails without
// reaching the plugin; what frees or destroys does not go through call() and still works.
#pragma once

#include <backplane/plugin.h>

#include <atomic>
#include <mutex>
#include <string>
#include <utility>

#include "base/result.h"

namespace bp {

// `msg` and the rest stay unwritten: the hot path clears only what is read after a call that wrote nothing.
inline void clear_err(bp_err& err) {
  err.struct_size = sizeof(bp_err);
  err.code = BP_OK;
  err.native = 0;
  err.launch_tag = 0;
  err.scope = BP_SCOPE_CALL;
  err.reserved0 = 0;
  err.msg[0] = '\0';
}

// "unsupported", "device lost", …; "status 77" for numbers this host does not know.
std::string status_name(bp_status status);
// The failure of `call` as an Error: where = `where`, what = call, code, the plugin's own words, native code and launch
// tag.
Error plugin_error(const std::string& where, const char* call, bp_status status, const bp_err& err);

// Where a failed call says the failure is.
struct FaultSite {
  uint32_t scope = BP_SCOPE_CALL;  // what is unusable now; CALL: nothing, the call itself failed and did nothing
  uint64_t launch_tag = 0;         // of the launch that faulted; 0: not known
};

class DeviceFault {
 public:
  explicit DeviceFault(std::string device_id) : device_id_(std::move(device_id)) {}

  const std::string& device_id() const { return device_id_; }
  bool lost() const { return lost_.load(std::memory_order_relaxed); }

  // Runs `f(bp_err*)`, a call into the plugin. Allocates nothing when it succeeds.
  template <class F>
  Status call(const char* name, F&& f) {
    if (lost()) [[unlikely]]
      return std::unexpected(lost_error(name));
    bp_err err;
    clear_err(err);
    const bp_status status = f(&err);
    if (status == BP_OK) [[likely]]
      return {};
    return std::unexpected(failed(name, status, err));
  }

 private:
  Error failed(const char* name, bp_status status, const bp_err& err);
  Error lost_error(const char* name) const;

  const std::string device_id_;
  std::atomic<bool> lost_{false};
  mutable std::mutex mutex_;
  std::string first_fault_;  // guarded by mutex_: what the later errors quote
};

}  // namespace bp
