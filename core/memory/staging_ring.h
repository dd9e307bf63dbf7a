// Hands out the bytes of a ring in order, for data on its way to a device: a piece is filled by the host, copied by the
// device and released when the copy is done. Bookkeeping only: it knows offsets, never memory. Thread-safe: every call
// from any thread. Invariant: pieces that are out never overlap; a piece lies in one run of bytes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>

#include "base/result.h"

namespace bp {

class StagingRing {
 public:
  struct Piece {
    uint64_t offset = 0;
    uint64_t size_bytes = 0;
    uint64_t ticket = 0;  // for release()
  };

  // REQUIRES: align_bytes is a power of two, size_bytes a multiple of it.
  StagingRing(uint64_t size_bytes, uint64_t align_bytes);

  // The next bytes; nullopt while older pieces are in the way. REQUIRES: 0 < size_bytes <= size of the ring.
  std::optional<Piece> try_acquire(uint64_t size_bytes);
  // Waits for older pieces. Whoever waits must not hold the pieces that are in the way.
  Piece acquire(uint64_t size_bytes);
  // In any order; bytes are free again once all older pieces are released too. REQUIRES: a ticket that is out.
  void release(uint64_t ticket);

  uint64_t size_bytes() const { return size_bytes_; }
  uint64_t used_bytes() const;  // by pieces, and what was skipped to keep them in one run

 private:
  struct Entry {
    uint64_t begin = 0, end = 0;  // positions that only grow; the ring's offset is position % size
    bool released = false;
  };
  std::optional<Piece> acquire_locked(uint64_t size_bytes);

  const uint64_t size_bytes_, align_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::deque<Entry> entries_;  // oldest first
  uint64_t first_ticket_ = 0;  // of entries_.front()
  uint64_t head_ = 0;          // where the next piece may begin
  uint64_t tail_ = 0;          // where the oldest piece begins; head_ where there is none
};

}  // namespace bp
