// Memory for buffers that come and go: pieces of a device's slabs, so that the device is seldom asked. Thread-safe: a
// piece may be taken and may end on any thread. The device outlives the pool, and the pool its pieces.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "compile/buffer.h"
#include "memory/slab_pool.h"

namespace bp {

class BufferPool {
 public:
  static constexpr uint64_t kSlabBytes = uint64_t{4} << 20;  // larger pieces have a slab of their own
  static constexpr uint64_t kAlignBytes = 256;
  // As much may lie free beside what is used once more: then slabs of which nothing is used go back to the device.
  static constexpr uint64_t kKeptBytes = uint64_t{64} << 20;

  // `device` null: host memory. Nothing is allocated before the first piece.
  explicit BufferPool(Device* device);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // Contents are undefined; it begins at a multiple of kAlignBytes of its slab, and is given back with its last owner.
  // REQUIRES, by then: no queue still uses it. Errors: as Buffer::create, after what lay free has gone back to the
  // device.
  Result<std::shared_ptr<const BufferSpan>> take(uint64_t size_bytes);
  SlabPool::Usage usage() const { return pool_.usage(); }

 private:
  struct Lease;
  Status make_slab(int slab, uint64_t size_bytes);
  void give_back(const SlabPool::Piece& piece);
  void trim();

  Device* device_;
  std::mutex mutex_;             // of the map; taken after the pool's own
  std::map<int, Buffer> slabs_;  // by number; a buffer does not move
  SlabPool pool_;
};

}  // namespace bp
