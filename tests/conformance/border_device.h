// The plugin's table with less to write: for the checks of the border. Not thread-safe; the device outlives it.
#pragma once

#include <backplane/plugin.h>
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "border.h"

namespace bp::conformance {

inline BorderFinding broken(std::string why) { return {Outcome::kFailed, std::move(why)}; }
inline BorderFinding absent(std::string why) { return {Outcome::kNoKernel, std::move(why)}; }

// An error struct, and what the last call that had it said.
struct BorderError {
  bp_err raw{};
  BorderError() { raw.struct_size = sizeof(raw); }
  bp_err* get() {
    raw = {};
    raw.struct_size = sizeof(raw);
    return &raw;
  }
  std::string text(bp_status status) const;
};

// A slab, freed with the object.
class BorderMemory {
 public:
  // On the heap of that number. Not ok(): error().
  BorderMemory(Device& device, uint32_t heap, uint64_t bytes);
  BorderMemory(BorderMemory&& other) noexcept
      : device_(other.device_),
        mem_(std::exchange(other.mem_, nullptr)),
        host_(other.host_),
        bytes_(other.bytes_),
        status_(other.status_),
        error_(std::move(other.error_)) {}
  BorderMemory& operator=(BorderMemory&&) = delete;
  ~BorderMemory();

  bool ok() const { return status_ == BP_OK; }
  bp_status status() const { return status_; }
  const std::string& error() const { return error_; }
  bp_mem* handle() const { return mem_; }
  std::byte* host() const { return host_; }
  bp_span span(uint64_t offset, uint64_t bytes) const { return {mem_, nullptr, offset, bytes}; }

 private:
  Device* device_;
  bp_mem* mem_ = nullptr;
  std::byte* host_ = nullptr;
  uint64_t bytes_;
  bp_status status_;
  std::string error_;
};

// A queue, destroyed with the object.
class BorderQueue {
 public:
  explicit BorderQueue(Device& device, uint32_t flags = 0, int32_t priority = 0);
  BorderQueue(const BorderQueue&) = delete;
  BorderQueue& operator=(const BorderQueue&) = delete;
  ~BorderQueue();

  bool ok() const { return status_ == BP_OK; }
  const std::string& error() const { return error_; }
  bp_queue* handle() const { return queue_; }
  bp_status copy(const std::vector<bp_span>& to, const std::vector<bp_span>& from);
  bp_status sync(uint64_t timeout_ns = UINT64_MAX);
  // Host bytes into device memory at `offset`, and back; each waits. False: error().
  bool write(const BorderMemory& memory, uint64_t offset, const std::vector<uint8_t>& bytes);
  bool read(const BorderMemory& memory, uint64_t offset, std::vector<uint8_t>& bytes);

 private:
  bool done(const char* call, bp_status status);

  Device* device_;
  bp_queue* queue_ = nullptr;
  bp_status status_;
  BorderError err_;
  std::string error_;
};

// The heap that kernels use.
uint32_t device_heap(const Device& device);
// Bytes that tell places apart.
std::vector<uint8_t> pattern(uint64_t n, unsigned seed);
bp_span host_span(const std::vector<uint8_t>& bytes);

}  // namespace bp::conformance
