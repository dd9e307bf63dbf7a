#include "plugin_host/queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"

namespace bp {
namespace {

// A poll: BP_E_BUSY is an answer, no error.
template <class F>
Result<bool> poll(DeviceFault& fault, const char* name, const bp_queue* queue, F&& f) {
  bool busy = false;
  BP_TRY_VOID(fault.call(name, queue, [&](bp_err* err) {
    const bp_status status = f(err);
    busy = status == BP_E_BUSY;
    return busy ? BP_OK : status;
  }));
  return !busy;
}

}  // namespace

Status Event::sync(uint64_t timeout_ns) {
  return fault_->call("event_sync", [&](bp_err* err) { return api_->event_sync(event_.get(), timeout_ns, err); });
}

Result<bool> Event::is_reached() {
  return poll(*fault_, "event_sync", nullptr, [&](bp_err* err) { return api_->event_sync(event_.get(), 0, err); });
}

Result<double> Event::elapsed_us_since(const Event& start) const {
  if (api_->event_elapsed == nullptr) {
    return fail(ErrorCode::kUnsupported, fault_->device_id(), "the plugin cannot time events");
  }
  double us = 0;
  BP_TRY_VOID(fault_->call(
      "event_elapsed", [&](bp_err* err) { return api_->event_elapsed(start.event_.get(), event_.get(), &us, err); }));
  if (!std::isfinite(us) || us < 0) {
    return std::unexpected(fault_->broken("event_elapsed", fmt::format("says {} microseconds", us)));
  }
  return us;
}

Status Queue::copy(std::span<const bp_span> dst, std::span<const bp_span> src) {
  BP_CHECK(dst.size() == src.size(), "{} pieces into {}", src.size(), dst.size());
  if (dst.empty()) return {};
  const bool reads = std::ranges::any_of(dst, [](const bp_span& span) { return span.host != nullptr; });
  if (reads && (api_->flags & BP_DEV_INLINE) == 0) BP_TRY_VOID(sync());
  BP_TRY_VOID(enqueue_copy(dst, src));
  return verifies_ ? verify(dst, src) : Status{};
}

Status Queue::enqueue_copy(std::span<const bp_span> dst, std::span<const bp_span> src) {
  return fault_->call("copy", queue_.get(), [&](bp_err* err) {
    return api_->copy(queue_.get(), dst.data(), src.data(), static_cast<uint32_t>(dst.size()), err);
  });
}

Status Queue::write(const bp_span& to, std::span<const std::byte> bytes) {
  const bp_span from{nullptr, const_cast<std::byte*>(bytes.data()), 0, bytes.size()};
  if (!bytes.empty()) BP_TRY_VOID(copy({&to, 1}, {&from, 1}));
  return sync();
}

Status Queue::read(const bp_span& from, std::span<std::byte> bytes) {
  const bp_span to{nullptr, bytes.data(), 0, bytes.size()};
  if (!bytes.empty()) BP_TRY_VOID(copy({&to, 1}, {&from, 1}));
  return sync();
}

Result<std::vector<std::byte>> Queue::read_back(const bp_span& from) {
  std::vector<std::byte> bytes(from.bytes);
  const bp_span to{nullptr, bytes.data(), 0, from.bytes};
  if (from.host != nullptr && from.bytes > 0) {
    std::memcpy(bytes.data(), static_cast<const std::byte*>(from.host) + from.off, from.bytes);
  } else if (from.bytes > 0) {
    BP_TRY_VOID(enqueue_copy({&to, 1}, {&from, 1}));
    BP_TRY_VOID(sync());
  }
  return bytes;
}

Status Queue::verify(std::span<const bp_span> dst, std::span<const bp_span> src) {
  BP_TRY_VOID(sync());
  for (size_t i = 0; i < dst.size(); ++i) {
    BP_TRY(const auto wanted, read_back(src[i]));
    BP_TRY(const auto found, read_back(dst[i]));
    const auto [at, other] = std::ranges::mismatch(found, wanted);
    if (at == found.end()) continue;
    return std::unexpected(fault_->broken(
        "copy", fmt::format("changed what it copied: byte {} of {} in piece {} is {:#04x}, not {:#04x}",
                            at - found.begin(), found.size(), i, static_cast<int>(*at), static_cast<int>(*other))));
  }
  return {};
}

Status Queue::sync(uint64_t timeout_ns) {
  return fault_->call("queue_sync", queue_.get(),
                      [&](bp_err* err) { return api_->queue_sync(queue_.get(), timeout_ns, err); });
}

Result<bool> Queue::is_idle() {
  return poll(*fault_, "queue_sync", queue_.get(), [&](bp_err* err) { return api_->queue_sync(queue_.get(), 0, err); });
}

Status Queue::record(Event& event) {
  return fault_->call("event_record", queue_.get(),
                      [&](bp_err* err) { return api_->event_record(event.handle(), queue_.get(), err); });
}

Status Queue::wait(Event& event) {
  return fault_->call("event_wait", queue_.get(),
                      [&](bp_err* err) { return api_->event_wait(queue_.get(), event.handle(), err); });
}

}  // namespace bp
