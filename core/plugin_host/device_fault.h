// The shim round every call into a device's plugin: maps bp_err to Error in one place, says what breaks plugin.h, and
// remembers that a device is gone. Thread-safe. After BP_E_DEVICE_LOST, BP_E_TIMEOUT or a fault of scope DEVICE or
// PROCESS every call() fails without reaching the plugin; what frees or destroys does not go through call() and still
// works.
#pragma once

#include <backplane/plugin.h>

#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

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
// What is unusable after a call that failed: err.scope, made to agree with the status; a number that plugin.h lacks is
// taken for the device.
uint32_t scope_of(bp_status status, const bp_err& err);
// The failure of `call` as an Error: where = `where`, what = call, code, the plugin's own words, native code and launch
// tag. Whatever the plugin left in `err` is bounded, and safe to print.
Error plugin_error(const std::string& where, const char* call, bp_status status, const bp_err& err);

// Where a failed call says the failure is.
struct FaultSite {
  uint32_t scope = BP_SCOPE_CALL;  // what is unusable now; CALL: nothing, the call itself failed and did nothing
  uint64_t launch_tag = 0;         // of the launch that faulted; 0: not known
};

class DeviceFault {
 public:
  static constexpr uint64_t kUsualWaitNs = 300'000'000'000;  // far more than a step takes: the device hangs

  explicit DeviceFault(std::string device_id, std::string plugin = {})
      : device_id_(std::move(device_id)), plugin_(std::move(plugin)) {}

  const std::string& device_id() const { return device_id_; }
  bool lost() const { return lost_.load(std::memory_order_relaxed); }

  // How long a wait may last that says nothing else; then the device counts as lost.
  uint64_t wait_limit_ns() const { return wait_limit_ns_.load(std::memory_order_relaxed); }
  void set_wait_limit_ns(uint64_t limit_ns) { wait_limit_ns_.store(limit_ns, std::memory_order_relaxed); }

  // What the last failed call said of the launch that is to blame.
  FaultSite last_site() const;

  // The plugin answered BP_OK and did not do what plugin.h says: "cpu:0: plugin cpu: mem_alloc gave no memory".
  Error broken(const char* call, const std::string& what) const;

  // Runs `f(bp_err*)`, a call into the plugin. Allocates nothing when it succeeds. After a fault of scope QUEUE, calls
  // that go to that `queue` fail without reaching the plugin, until it is destroyed.
  template <class F>
  Status call(const char* name, F&& f) {
    return call(name, nullptr, std::forward<F>(f));
  }
  template <class F>
  Status call(const char* name, const bp_queue* queue, F&& f) {
    if (lost() || (n_faulted_.load(std::memory_order_relaxed) != 0 && is_faulted(queue))) [[unlikely]]
      return std::unexpected(lost_error(name));
    bp_err err;
    clear_err(err);
    const bp_status status = f(&err);
    if (status == BP_OK) [[likely]]
      return {};
    return std::unexpected(failed(name, queue, status, err));
  }
  // Before the queue is destroyed: another may get its address.
  void forget(const bp_queue* queue);

 private:
  Error failed(const char* name, const bp_queue* queue, bp_status status, const bp_err& err);
  Error lost_error(const char* name) const;
  bool is_faulted(const bp_queue* queue) const;

  const std::string device_id_, plugin_;
  std::atomic<bool> lost_{false};
  std::atomic<uint64_t> wait_limit_ns_{kUsualWaitNs};
  std::atomic<size_t> n_faulted_{0};  // of faulted_
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<const bp_queue*> faulted_;  // alive, and of no more use
  std::string first_fault_;               // what the later errors quote
  FaultSite last_site_;
};

}  // namespace bp
