#include "compile/buffer.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "base/check.h"

namespace bp {

Result<Buffer> Buffer::create(Device* device, uint64_t size_bytes, const char* name) {
  Buffer buffer;
  buffer.size_bytes_ = size_bytes;
  if (device != nullptr) {
    BP_TRY(Memory memory, device->alloc(size_bytes, name));
    buffer.host_ = memory.host();
    buffer.memory_.emplace(std::move(memory));
    return buffer;
  }
  buffer.owned_.reset(
      static_cast<std::byte*>(::operator new(std::max<uint64_t>(size_bytes, 1), std::align_val_t{64}, std::nothrow)));
  if (buffer.owned_ == nullptr) {
    return fail(ErrorCode::kOutOfMemory, name, fmt::format("the host has not {} bytes", size_bytes),
                "use a smaller model or context");
  }
  buffer.host_ = buffer.owned_.get();
  return buffer;
}

Buffer Buffer::planned(uint64_t size_bytes) {
  Buffer buffer;
  buffer.size_bytes_ = size_bytes;
  return buffer;
}

Buffer Buffer::view(std::span<const std::byte> bytes) {
  Buffer buffer;
  buffer.host_ = const_cast<std::byte*>(bytes.data());
  buffer.size_bytes_ = bytes.size();
  return buffer;
}

namespace {

// A mapping begins and ends with whole pages, so the ones that `bytes` touches are all readable.
std::span<const std::byte> whole_pages(std::span<const std::byte> bytes) {
  constexpr uintptr_t kPage = 4096;
  const auto address = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t first = address / kPage * kPage;
  const uintptr_t end = (address + bytes.size() + kPage - 1) / kPage * kPage;
  return {reinterpret_cast<const std::byte*>(first), end - first};
}

}  // namespace

Result<Buffer::Imported> Buffer::import(Device& device, std::span<const std::byte> bytes) {
  const std::span<const std::byte> pages = whole_pages(bytes);
  BP_TRY(Memory memory, device.import(pages));
  Imported imported;
  imported.offset = static_cast<uint64_t>(bytes.data() - pages.data());
  imported.buffer.host_ = const_cast<std::byte*>(pages.data());
  imported.buffer.size_bytes_ = pages.size();
  imported.buffer.memory_.emplace(std::move(memory));
  return imported;
}

Status Buffer::check_import(const Device& device, std::span<const std::byte> bytes) {
  return device.check_import(whole_pages(bytes));
}

bp_span Buffer::span(uint64_t offset, uint64_t bytes) const {
  BP_CHECK(offset <= size_bytes_ && bytes <= size_bytes_ - offset, "{} + {} in {}", offset, bytes, size_bytes_);
  if (memory_.has_value()) return {memory_->handle(), nullptr, offset, bytes};
  return {nullptr, host_ + offset, 0, bytes};
}

}  // namespace bp
