#include "memory/staging_ring.h"

#include "base/check.h"

namespace bp {

StagingRing::StagingRing(uint64_t size_bytes, uint64_t align_bytes)
    : size_bytes_(size_bytes), align_bytes_(align_bytes) {
  BP_CHECK(align_bytes > 0 && (align_bytes & (align_bytes - 1)) == 0, "align {}", align_bytes);
  BP_CHECK(size_bytes > 0 && size_bytes % align_bytes == 0, "a ring of {}, align {}", size_bytes, align_bytes);
}

std::optional<StagingRing::Piece> StagingRing::acquire_locked(uint64_t size_bytes) {
  BP_CHECK(size_bytes > 0 && size_bytes <= size_bytes_, "{} bytes of a ring of {}", size_bytes, size_bytes_);
  const uint64_t size = (size_bytes + align_bytes_ - 1) & ~(align_bytes_ - 1);
  uint64_t begin = head_;
  const uint64_t offset = begin % size_bytes_;
  if (offset + size > size_bytes_) begin += size_bytes_ - offset;  // not across the end
  if (entries_.empty()) tail_ = begin;
  if (begin + size - tail_ > size_bytes_) return std::nullopt;
  entries_.push_back({begin, begin + size, false});
  head_ = begin + size;
  return Piece{begin % size_bytes_, size_bytes, first_ticket_ + entries_.size() - 1};
}

std::optional<StagingRing::Piece> StagingRing::try_acquire(uint64_t size_bytes) {
  const std::scoped_lock lock(mutex_);
  return acquire_locked(size_bytes);
}

StagingRing::Piece StagingRing::acquire(uint64_t size_bytes) {
  std::unique_lock lock(mutex_);
  std::optional<Piece> piece;
  freed_.wait(lock, [&] { return (piece = acquire_locked(size_bytes)).has_value(); });
  return *piece;
}

void StagingRing::release(uint64_t ticket) {
  {
    const std::scoped_lock lock(mutex_);
    BP_CHECK(ticket >= first_ticket_ && ticket - first_ticket_ < entries_.size(), "ticket {}", ticket);
    Entry& entry = entries_[static_cast<size_t>(ticket - first_ticket_)];
    BP_CHECK(!entry.released, "ticket {} is released already", ticket);
    entry.released = true;
    while (!entries_.empty() && entries_.front().released) {
      entries_.pop_front();
      ++first_ticket_;
    }
    tail_ = entries_.empty() ? head_ : entries_.front().begin;
  }
  freed_.notify_all();
}

uint64_t StagingRing::used_bytes() const {
  const std::scoped_lock lock(mutex_);
  return head_ - tail_;
}

}  // namespace bp
