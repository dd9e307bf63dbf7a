// heaps, mem_alloc, mem_free, mem_import.
#include <cstring>
#include <memory>

#include "border_device.h"

namespace bp::conformance {
namespace {

BorderFinding heaps_agree(Subject& subject) {
  Device& device = subject.device();
  BorderError err;
  uint32_t n = 0, again = 0;
  if (const bp_status s = device.api().heaps(device.handle(), nullptr, sizeof(bp_heap), 0, &n, err.get()); s != BP_OK)
    return broken("heaps with room for none: " + err.text(s));
  if (n == 0) return broken("heaps says that there are none");
  // Rows further apart than this host's struct is long, as a newer host's are.
  constexpr uint32_t kStride = sizeof(bp_heap) + 16;
  std::vector<std::byte> wide(static_cast<size_t>(kStride) * n, std::byte{0xab});
  for (uint32_t i = 0; i < n; ++i) {
    const auto size = static_cast<uint32_t>(sizeof(bp_heap));
    std::memcpy(&wide[static_cast<size_t>(i) * kStride], &size, sizeof(size));
  }
  auto* first = reinterpret_cast<bp_heap*>(wide.data());
  if (const bp_status s = device.api().heaps(device.handle(), first, kStride, n, &again, err.get()); s != BP_OK)
    return broken("heaps: " + err.text(s));
  if (again != n) return broken(fmt::format("heaps says {} and then {}", n, again));
  for (uint32_t i = 0; i < n; ++i) {
    const std::byte* at = &wide[static_cast<size_t>(i) * kStride];
    for (size_t k = sizeof(bp_heap); k < kStride; ++k) {
      if (at[k] != std::byte{0xab}) return broken(fmt::format("heaps wrote past struct_size of row {}", i));
    }
    bp_heap heap;
    std::memcpy(&heap, at, sizeof(heap));
    if (heap.flags != device.heaps()[i].flags) return broken(fmt::format("the flags of heap {} have changed", i));
  }
  // Room for one: no more than that is written.
  std::vector<std::byte> one(sizeof(bp_heap) * 2, std::byte{0xab});
  const auto size = static_cast<uint32_t>(sizeof(bp_heap));
  std::memcpy(one.data(), &size, sizeof(size));
  if (const bp_status s = device.api().heaps(device.handle(), reinterpret_cast<bp_heap*>(one.data()), sizeof(bp_heap),
                                             1, &again, err.get());
      s != BP_OK || again != n)
    return broken(fmt::format("heaps with room for one: {}, {} of {}", err.text(s), again, n));
  for (size_t k = sizeof(bp_heap); k < one.size(); ++k) {
    if (one[k] != std::byte{0xab}) return broken("heaps with room for one wrote a second");
  }
  bool kernels_have_one = false;
  for (const bp_heap& heap : device.heaps()) kernels_have_one |= (heap.flags & BP_HEAP_DEVICE) != 0;
  return kernels_have_one ? BorderFinding{} : broken("no heap has BP_HEAP_DEVICE: kernels have no memory");
}

BorderFinding sizes_allocate(Subject& subject) {
  Device& device = subject.device();
  for (uint32_t heap = 0; heap < device.heaps().size(); ++heap) {
    const uint32_t flags = device.heaps()[heap].flags;
    for (const uint64_t bytes :
         {uint64_t{1}, uint64_t{63}, uint64_t{64}, uint64_t{65}, uint64_t{4097}, uint64_t{1} << 20}) {
      const BorderMemory memory(device, heap, bytes);
      if (!memory.ok()) return broken(fmt::format("heap {}: {}", heap, memory.error()));
      if (memory.handle() == nullptr) return broken(fmt::format("heap {}: BP_OK, but no bp_mem", heap));
      const bool visible = (flags & (BP_HEAP_HOST_VISIBLE | BP_HEAP_PINNED)) != 0;
      if (visible != (memory.host() != nullptr))
        return broken(fmt::format("heap {}: {} host pointer (flags {})", heap, visible ? "no" : "a", flags));
      if (reinterpret_cast<uintptr_t>(memory.host()) % BP_ARG_ALIGN != 0)
        return broken(fmt::format("heap {}: {} bytes start at no multiple of {}", heap, bytes, BP_ARG_ALIGN));
      if (visible) {  // all of it can be written
        std::memset(memory.host(), 0x5a, bytes);
        if (memory.host()[bytes - 1] != std::byte{0x5a}) return broken("host memory does not keep what is written");
      }
    }
  }
  return {};
}

BorderFinding too_much_is_refused(Subject& subject) {
  Device& device = subject.device();
  const uint32_t heap = device_heap(device);
  for (const uint64_t bytes : {UINT64_MAX, UINT64_MAX - 63, uint64_t{1} << 62}) {
    const BorderMemory memory(device, heap, bytes);
    if (memory.ok()) return broken(fmt::format("mem_alloc of {} bytes says BP_OK", bytes));
    if (memory.status() != BP_E_NOMEM)
      return broken(fmt::format("mem_alloc of {} bytes is to say BP_E_NOMEM, and says {}", bytes, memory.error()));
  }
  const BorderMemory after(device, heap, 4096);
  return after.ok() ? BorderFinding{} : broken("after a refusal: " + after.error());
}

BorderFinding unknown_heap_is_refused(Subject& subject) {
  Device& device = subject.device();
  for (const uint32_t heap : {static_cast<uint32_t>(device.heaps().size()), UINT32_MAX}) {
    const BorderMemory memory(device, heap, 64);
    if (memory.ok())
      return broken(fmt::format("mem_alloc of heap {} says BP_OK, there are {}", heap, device.heaps().size()));
  }
  return {};
}

BorderFinding null_is_fine(Subject& subject) {
  Device& device = subject.device();
  device.api().mem_free(device.handle(), nullptr);
  device.api().queue_destroy(nullptr);
  return {};
}

// Slabs keep their contents while others come and go, in any order.
BorderFinding slabs_are_apart(Subject& subject) {
  Device& device = subject.device();
  BorderQueue queue(device);
  if (!queue.ok()) return broken(queue.error());
  std::vector<std::unique_ptr<BorderMemory>> kept;
  constexpr unsigned kSlabs = 64;
  const auto bytes_of = [](unsigned i) { return uint64_t{1} + i * 997 % 9001; };
  for (unsigned i = 0; i < kSlabs; ++i) {
    kept.push_back(std::make_unique<BorderMemory>(device, device_heap(device), bytes_of(i)));
    if (!kept.back()->ok()) return broken(kept.back()->error());
    if (!queue.write(*kept.back(), 0, pattern(bytes_of(i), i))) return broken(queue.error());
    if (i % 3 == 2) kept[i - 1].reset();
  }
  for (unsigned i = 0; i < kSlabs; ++i) {
    if (kept[i] == nullptr) continue;
    std::vector<uint8_t> back(bytes_of(i));
    if (!queue.read(*kept[i], 0, back)) return broken(queue.error());
    if (back != pattern(bytes_of(i), i)) return broken(fmt::format("slab {} of {} has lost its content", i, kSlabs));
  }
  return {};
}

BorderFinding import_reads_in_place(Subject& subject) {
  Device& device = subject.device();
  uint32_t heap = UINT32_MAX;
  for (uint32_t i = 0; i < device.heaps().size(); ++i) {
    if ((device.heaps()[i].flags & BP_HEAP_IMPORT) != 0) heap = i;
  }
  if (heap == UINT32_MAX) return absent("no heap imports");
  if (device.api().mem_import == nullptr) return broken("a heap has BP_HEAP_IMPORT, but there is no mem_import");
  const uint64_t align = std::max<uint64_t>(device.heaps()[heap].import_align, BP_ARG_ALIGN);
  const uint64_t bytes = align * (1 + 65536 / align);
  std::vector<uint8_t> room(bytes + align);
  uint8_t* host = room.data() + (align - reinterpret_cast<uintptr_t>(room.data()) % align) % align;
  const std::vector<uint8_t> content = pattern(bytes, 7);
  std::memcpy(host, content.data(), bytes);
  BorderError err;
  bp_mem* mem = nullptr;
  const bp_status status = device.api().mem_import(device.handle(), heap, host, bytes, 0, &mem, err.get());
  if (status == BP_E_UNSUPPORTED) return absent("not this memory: " + err.text(status));
  if (status != BP_OK) return broken("mem_import: " + err.text(status));
  BorderFinding found;
  {
    BorderQueue queue(device);
    const BorderMemory memory(device, device_heap(device), bytes);
    std::vector<uint8_t> back(bytes);
    if (!queue.ok() || !memory.ok()) {
      found = broken(queue.error() + memory.error());
    } else if (queue.copy({memory.span(0, bytes)}, {{mem, nullptr, 0, bytes}}) != BP_OK || queue.sync() != BP_OK ||
               !queue.read(memory, 0, back)) {
      found = broken(queue.error());
    } else if (back != content) {
      found = broken("a copy out of imported memory has other bytes");
    }
  }
  device.api().mem_free(device.handle(), mem);
  if (found.why.empty() && std::memcmp(host, content.data(), bytes) != 0) return broken("the imported bytes changed");
  return found;
}

// Another device of the id, or BP_E_BUSY; the first goes on.
BorderFinding opens_again(Subject& subject) {
  auto second = subject.open_again();
  if (!second.has_value()) {
    const std::string why = second.error().message();
    return why.find(status_name(BP_E_BUSY)) != std::string::npos ? BorderFinding{} : broken("a second open: " + why);
  }
  {
    const BorderMemory memory(**second, device_heap(**second), 4096);
    if (!memory.ok()) return broken("of the second device: " + memory.error());
  }
  second->reset();
  const BorderMemory memory(subject.device(), device_heap(subject.device()), 4096);
  return memory.ok() ? BorderFinding{} : broken("after the second device closed: " + memory.error());
}

}  // namespace

std::vector<BorderCheck> memory_checks() {
  return {{"border_heaps_agree", heaps_agree},
          {"border_mem_alloc_sizes", sizes_allocate},
          {"border_mem_alloc_too_much_is_refused", too_much_is_refused},
          {"border_mem_alloc_unknown_heap_is_refused", unknown_heap_is_refused},
          {"border_mem_free_null_is_fine", null_is_fine},
          {"border_mem_alloc_slabs_are_apart", slabs_are_apart},
          {"border_open_again", opens_again},
          {"border_mem_import_reads_in_place", import_reads_in_place, 3}};
}

}  // namespace bp::conformance
