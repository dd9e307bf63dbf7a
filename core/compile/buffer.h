// Memory on a device, or on the host where the reference computes. Movable; frees what it owns. The device outlives it.
// In a rehearsal a buffer has a size and nothing else.
#pragma once

#include <backplane/plugin.h>

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "plugin_host/device.h"

namespace bp {

class Buffer {
 public:
  // `device` null: host memory, 64-byte aligned. Contents are undefined. Errors: kOutOfMemory, kDevice.
  static Result<Buffer> create(Device* device, uint64_t size_bytes, const char* name);
  // A size alone: what create() would have given. Nothing may be read from or written to it.
  static Buffer planned(uint64_t size_bytes);
  // Somebody else's host memory, for the reference to read.
  static Buffer view(std::span<const std::byte> bytes);
  // Bytes of a mapped file that the device reads in place at full speed; `offset` is theirs in the buffer, which begins
  // at a page. Errors: kUnsupported where the device cannot.
  struct Imported;
  static Result<Imported> import(Device& device, std::span<const std::byte> bytes);

  // Whether import() would be asked of the plugin: kUnsupported if not.
  static Status check_import(const Device& device, std::span<const std::byte> bytes);

  // For the host; null where the device's memory is out of its reach.
  std::byte* host() const { return host_; }
  // What a plugin is given. REQUIRES: offset + bytes <= size_bytes().
  bp_span span(uint64_t offset, uint64_t bytes) const;
  uint64_t size_bytes() const { return size_bytes_; }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{64}); }
  };
  std::optional<Memory> memory_;
  std::unique_ptr<std::byte, Free> owned_;
  std::byte* host_ = nullptr;
  uint64_t size_bytes_ = 0;
};

struct Buffer::Imported {
  Buffer buffer;
  uint64_t offset = 0;
};

// Where an engine's buffers come from. Rehearsing allocates nothing: the code that sets an engine up then says, by the
// sizes of its buffers, what it would take.
struct SlabSource {
  Device* device = nullptr;  // null: the host
  bool rehearse = false;

  SlabSource(Device* from, bool rehearsing = false) : device(from), rehearse(rehearsing) {}  // a device is a source
  Result<Buffer> create(uint64_t size_bytes, const char* name) const {
    if (rehearse) return Buffer::planned(size_bytes);
    return Buffer::create(device, size_bytes, name);
  }
};

// A part of a buffer that outlives it.
struct BufferSpan {
  const Buffer* buffer = nullptr;
  uint64_t offset = 0;
  uint64_t size_bytes = 0;

  bp_span span() const { return buffer->span(offset, size_bytes); }
  std::byte* host() const { return buffer->host() == nullptr ? nullptr : buffer->host() + offset; }
};

}  // namespace bp
