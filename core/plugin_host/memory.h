// A slab of a device's memory. Movable; frees what it owns. The device outlives it.
// Thread-safety: a value; different slabs may be made and freed on any thread.
#pragma once

#include <backplane/plugin.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace bp {

// More than an address reaches: a plugin that speaks of so many has made a mistake.
inline constexpr uint64_t kAbsurdBytes = uint64_t{1} << 48;
inline constexpr uint64_t kAbsurdAlign = uint64_t{1} << 30;

enum class AllocKind {
  kDevice,       // fastest for kernels; the host may not see it
  kHostVisible,  // host() is not null
  kPinned,       // host memory that asynchronous copies need
};

class Memory {
 public:
  Memory() = default;

  bp_mem* handle() const { return mem_.get(); }
  // Null where the device's memory is out of the host's reach.
  std::byte* host() const { return host_; }
  uint64_t size_bytes() const { return size_bytes_; }
  // REQUIRES: offset + bytes <= size_bytes().
  bp_span span(uint64_t offset, uint64_t bytes) const;

 private:
  friend class Device;
  struct Free {
    const bp_device_api* api;
    bp_device* device;
    void operator()(bp_mem* mem) const { api->mem_free(device, mem); }
  };
  Memory(std::unique_ptr<bp_mem, Free> mem, std::byte* host, uint64_t size_bytes)
      : mem_(std::move(mem)), host_(host), size_bytes_(size_bytes) {}

  std::unique_ptr<bp_mem, Free> mem_;
  std::byte* host_ = nullptr;
  uint64_t size_bytes_ = 0;
};

}  // namespace bp
