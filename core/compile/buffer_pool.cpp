#include "compile/buffer_pool.h"

#include "base/check.h"

namespace bp {

struct BufferPool::Lease {
  BufferPool& pool;
  SlabPool::Piece piece;
  BufferSpan span{};

  Lease(BufferPool& from, const SlabPool::Piece& of) : pool(from), piece(of) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { pool.give_back(piece); }
};

BufferPool::BufferPool(Device* device)
    : device_(device),
      pool_(kSlabBytes, kAlignBytes, [this](int slab, uint64_t size_bytes) { return make_slab(slab, size_bytes); }) {}

BufferPool::~BufferPool() { BP_CHECK(usage().used_bytes == 0, "{} bytes are still out", usage().used_bytes); }

Result<std::shared_ptr<const BufferSpan>> BufferPool::take(uint64_t size_bytes) {
  auto piece = pool_.take(size_bytes);
  if (!piece.has_value() && piece.error().code == ErrorCode::kOutOfMemory) {
    trim();
    piece = pool_.take(size_bytes);
  }
  if (!piece.has_value()) return std::unexpected(std::move(piece.error()));
  auto lease = std::make_shared<Lease>(*this, *piece);
  {
    const std::scoped_lock lock(mutex_);
    lease->span = {&slabs_.find(piece->slab)->second, piece->offset, size_bytes};
  }
  const BufferSpan* span = &lease->span;
  return std::shared_ptr<const BufferSpan>(std::move(lease), span);
}

Status BufferPool::make_slab(int slab, uint64_t size_bytes) {
  BP_TRY(Buffer buffer, Buffer::create(device_, size_bytes, "tensors"));
  const std::scoped_lock lock(mutex_);
  slabs_.emplace(slab, std::move(buffer));
  return {};
}

void BufferPool::give_back(const SlabPool::Piece& piece) {
  pool_.give_back(piece);
  const SlabPool::Usage now = pool_.usage();
  if (now.slab_bytes - now.used_bytes > now.used_bytes + kKeptBytes) trim();
}

void BufferPool::trim() {
  pool_.trim([this](int slab) {
    const std::scoped_lock lock(mutex_);
    slabs_.erase(slab);
  });
}

}  // namespace bp
