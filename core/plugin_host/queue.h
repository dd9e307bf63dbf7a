// The order of work on a device, and the events that order queues among each other. Movable; destroyed with the object.
// Not thread-safe: one queue is driven by one thread at a time; sync() may be called on any. The device outlives both.
#pragma once

#include <backplane/plugin.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "plugin_host/device_fault.h"

namespace bp {

inline constexpr uint64_t kNoTimeout = UINT64_MAX;  // of inline devices, whose work is done when the call returns

struct QueueDesc {
  bool copy = false;    // for copies beside compute
  bool blame = false;   // sync after each launch, so that a fault names its launch
  bool verify = false;  // read back what each copy has written, and compare: slow
  int32_t priority = 0;
};

class Event {
 public:
  Event() = default;
  bp_event* handle() const { return event_.get(); }

  // Waits on the host until the last record is reached, for as long as the device's limit says. kDevice on a timeout,
  // and the device counts as lost then.
  Status sync() { return sync(fault_->wait_limit_ns()); }
  Status sync(uint64_t timeout_ns);
  // Whether the last record is reached, without waiting.
  Result<bool> is_reached();
  // Microseconds from `start` to this event. REQUIRES: both made with timing, recorded and reached.
  Result<double> elapsed_us_since(const Event& start) const;

 private:
  friend class Device;
  struct Destroy {
    const bp_device_api* api;
    void operator()(bp_event* event) const { api->event_destroy(event); }
  };
  Event(std::unique_ptr<bp_event, Destroy> event, const bp_device_api* api, DeviceFault* fault)
      : event_(std::move(event)), api_(api), fault_(fault) {}

  std::unique_ptr<bp_event, Destroy> event_;
  const bp_device_api* api_ = nullptr;
  DeviceFault* fault_ = nullptr;
};

class Queue {
 public:
  Queue() = default;
  bp_queue* handle() const { return queue_.get(); }

  // Copies dst[i] <- src[i], in queue order; a piece with a host span may block until it is done.
  // One to the host waits first, as sync() does: a copy has no timeout of its own. kDevice where a queue that verifies
  // finds other bytes. REQUIRES: as many pieces on both sides, each pair of equal bytes.
  Status copy(std::span<const bp_span> dst, std::span<const bp_span> src);
  // Copies the host's bytes to `to`, or what is at `from` to the host; waits until it and all before it is done.
  // REQUIRES: equal bytes.
  Status write(const bp_span& to, std::span<const std::byte> bytes);
  Status read(const bp_span& from, std::span<std::byte> bytes);
  // Waits on the host until everything enqueued is done, for as long as the device's limit says. kDevice on a timeout,
  // and the device counts as lost then.
  Status sync() { return sync(fault_->wait_limit_ns()); }
  Status sync(uint64_t timeout_ns);
  // Whether everything enqueued is done, without waiting.
  Result<bool> is_idle();
  // kUnsupported on devices without events.
  Status record(Event& event);
  Status wait(Event& event);

 private:
  friend class Device;
  struct Destroy {
    const bp_device_api* api;
    DeviceFault* fault;
    void operator()(bp_queue* queue) const {
      fault->forget(queue);
      api->queue_destroy(queue);
    }
  };
  Queue(std::unique_ptr<bp_queue, Destroy> queue, const bp_device_api* api, DeviceFault* fault, bool verify)
      : queue_(std::move(queue)), api_(api), fault_(fault), verifies_(verify) {}

  Status enqueue_copy(std::span<const bp_span> dst, std::span<const bp_span> src);
  Status verify(std::span<const bp_span> dst, std::span<const bp_span> src);
  Result<std::vector<std::byte>> read_back(const bp_span& from);

  std::unique_ptr<bp_queue, Destroy> queue_;
  const bp_device_api* api_ = nullptr;
  DeviceFault* fault_ = nullptr;
  bool verifies_ = false;
};

}  // namespace bp
