#include "border_device.h"

namespace bp::conformance {

std::string BorderError::text(bp_status status) const {
  std::string message(raw.msg, strnlen(raw.msg, sizeof(raw.msg)));
  return fmt::format("{}{}{}", status_name(status), message.empty() ? "" : ": ", message);
}

BorderMemory::BorderMemory(Device& device, uint32_t heap, uint64_t bytes) : device_(&device), bytes_(bytes) {
  bp_alloc request{};
  request.struct_size = sizeof(request);
  request.heap = heap;
  request.bytes = bytes;
  request.name = "conformance";
  BorderError err;
  void* host = nullptr;
  status_ = device.api().mem_alloc(device.handle(), &request, &mem_, &host, err.get());
  if (status_ != BP_OK) {
    mem_ = nullptr;
    error_ = fmt::format("mem_alloc of {} bytes: {}", bytes, err.text(status_));
  }
  host_ = static_cast<std::byte*>(host);
}

BorderMemory::~BorderMemory() {
  if (mem_ != nullptr) device_->api().mem_free(device_->handle(), mem_);
}

BorderQueue::BorderQueue(Device& device, uint32_t flags, int32_t priority) : device_(&device) {
  bp_queue_desc desc{};
  desc.struct_size = sizeof(desc);
  desc.flags = flags;
  desc.priority = priority;
  status_ = device.api().queue_create(device.handle(), &desc, &queue_, err_.get());
  if (status_ != BP_OK) {
    queue_ = nullptr;
    error_ = fmt::format("queue_create (flags {}, priority {}): {}", flags, priority, err_.text(status_));
  }
}

BorderQueue::~BorderQueue() {
  if (queue_ != nullptr) device_->api().queue_destroy(queue_);
}

bp_status BorderQueue::copy(const std::vector<bp_span>& to, const std::vector<bp_span>& from) {
  const bp_status status =
      device_->api().copy(queue_, to.data(), from.data(), static_cast<uint32_t>(to.size()), err_.get());
  done("copy", status);
  return status;
}

bp_status BorderQueue::sync(uint64_t timeout_ns) {
  const bp_status status = device_->api().queue_sync(queue_, timeout_ns, err_.get());
  done("queue_sync", status);
  return status;
}

bool BorderQueue::done(const char* call, bp_status status) {
  if (status != BP_OK) error_ = fmt::format("{}: {}", call, err_.text(status));
  return status == BP_OK;
}

bool BorderQueue::write(const BorderMemory& memory, uint64_t offset, const std::vector<uint8_t>& bytes) {
  return copy({memory.span(offset, bytes.size())}, {host_span(bytes)}) == BP_OK && sync() == BP_OK;
}

bool BorderQueue::read(const BorderMemory& memory, uint64_t offset, std::vector<uint8_t>& bytes) {
  return copy({host_span(bytes)}, {memory.span(offset, bytes.size())}) == BP_OK && sync() == BP_OK;
}

uint32_t device_heap(const Device& device) {
  for (size_t i = 0; i < device.heaps().size(); ++i) {
    if ((device.heaps()[i].flags & BP_HEAP_DEVICE) != 0) return static_cast<uint32_t>(i);
  }
  return 0;
}

std::vector<uint8_t> pattern(uint64_t n, unsigned seed) {
  std::vector<uint8_t> bytes(n);
  uint32_t state = seed * 2654435761U + 1;
  for (uint8_t& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<uint8_t>(state >> 24);
  }
  return bytes;
}

bp_span host_span(const std::vector<uint8_t>& bytes) {
  return {nullptr, const_cast<uint8_t*>(bytes.data()), 0, bytes.size()};
}

}  // namespace bp::conformance
