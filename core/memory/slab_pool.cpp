#include "memory/slab_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace bp {

SlabPool::SlabPool(uint64_t slab_bytes, uint64_t align_bytes, MakeSlab make)
    : slab_bytes_(slab_bytes), align_bytes_(align_bytes), make_(std::move(make)) {
  BP_CHECK(align_bytes > 0 && (align_bytes & (align_bytes - 1)) == 0, "align {}", align_bytes);
  BP_CHECK(slab_bytes > 0 && slab_bytes % align_bytes == 0, "slabs of {}, align {}", slab_bytes, align_bytes);
}

Result<SlabPool::Piece> SlabPool::take(uint64_t size_bytes) {
  if (size_bytes > UINT64_MAX - align_bytes_) {
    return fail(ErrorCode::kOutOfMemory, "pool", fmt::format("{} bytes are more than there can be", size_bytes));
  }
  const uint64_t size = (std::max<uint64_t>(size_bytes, 1) + align_bytes_ - 1) & ~(align_bytes_ - 1);
  const std::scoped_lock lock(mutex_);
  auto best = by_size_.lower_bound({size, 0, 0});
  if (best == by_size_.end()) {
    const int slab = next_number();
    uint64_t bytes = std::max(size, slab_bytes_);
    Status made = make_(slab, bytes);
    if (!made.has_value() && made.error().code == ErrorCode::kOutOfMemory && size < bytes) {
      bytes = size;
      made = make_(slab, bytes);
    }
    BP_TRY_VOID(made);
    if (slab == static_cast<int>(slabs_.size())) slabs_.emplace_back();
    slabs_[static_cast<size_t>(slab)].size_bytes = bytes;
    total_bytes_ += bytes;
    ++n_slabs_;
    add_free(slab, 0, bytes);
    best = by_size_.lower_bound({size, 0, 0});
  }
  const Free found = *best;
  Offsets& offsets = slabs_[static_cast<size_t>(found.slab)].free;
  remove_free(found.slab, offsets.find(found.offset));
  if (found.size_bytes > size) add_free(found.slab, found.offset + size, found.size_bytes - size);
  used_bytes_ += size;
  return Piece{found.slab, found.offset, size};
}

void SlabPool::give_back(const Piece& piece) {
  const std::scoped_lock lock(mutex_);
  BP_CHECK(piece.slab >= 0 && piece.slab < static_cast<int>(slabs_.size()), "slab {} of {}", piece.slab, slabs_.size());
  Slab& slab = slabs_[static_cast<size_t>(piece.slab)];
  BP_CHECK(piece.offset + piece.size_bytes <= slab.size_bytes, "{} + {} of {}", piece.offset, piece.size_bytes,
           slab.size_bytes);
  Offsets& offsets = slab.free;
  uint64_t begin = piece.offset;
  uint64_t end = piece.offset + piece.size_bytes;
  const auto after = offsets.lower_bound(begin);
  const bool before_is_free = after != offsets.begin();
  const auto before = before_is_free ? std::prev(after) : offsets.end();
  BP_CHECK(
      (after == offsets.end() || after->first >= end) && (!before_is_free || before->first + before->second <= begin),
      "slab {}: {} + {} is free already", piece.slab, begin, piece.size_bytes);
  if (after != offsets.end() && after->first == end) {
    end += after->second;
    remove_free(piece.slab, after);
  }
  if (before_is_free && before->first + before->second == begin) {
    begin = before->first;
    remove_free(piece.slab, before);
  }
  add_free(piece.slab, begin, end - begin);
  used_bytes_ -= piece.size_bytes;
}

void SlabPool::trim(const DropSlab& drop) {
  const std::scoped_lock lock(mutex_);
  for (size_t i = 0; i < slabs_.size(); ++i) {
    Slab& slab = slabs_[i];
    const auto first = slab.free.begin();
    if (slab.size_bytes == 0 || first == slab.free.end() || first->second != slab.size_bytes) continue;
    remove_free(static_cast<int>(i), first);
    drop(static_cast<int>(i));
    total_bytes_ -= slab.size_bytes;
    --n_slabs_;
    slab.size_bytes = 0;
  }
}

int SlabPool::next_number() const {
  const auto gone = std::ranges::find(slabs_, uint64_t{0}, &Slab::size_bytes);
  return static_cast<int>(gone - slabs_.begin());
}

void SlabPool::add_free(int slab, uint64_t offset, uint64_t size_bytes) {
  slabs_[static_cast<size_t>(slab)].free[offset] = size_bytes;
  by_size_.insert({size_bytes, slab, offset});
}

void SlabPool::remove_free(int slab, Offsets::iterator at) {
  by_size_.erase({at->second, slab, at->first});
  slabs_[static_cast<size_t>(slab)].free.erase(at);
}

SlabPool::Usage SlabPool::usage() const {
  const std::scoped_lock lock(mutex_);
  return {total_bytes_, used_bytes_, by_size_.empty() ? 0 : by_size_.rbegin()->size_bytes, n_slabs_,
          static_cast<int>(by_size_.size())};
}

}  // namespace bp
