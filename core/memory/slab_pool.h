// Cuts large slabs into pieces and joins them again. Bookkeeping only: slabs are numbers and pieces {slab, offset}; who
// uses the pool owns the memory behind them. Thread-safe: every call from any thread. Invariant: free pieces of a slab
// never touch one another (they are joined), and no two pieces overlap.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "base/result.h"

namespace bp {

class SlabPool {
 public:
  struct Piece {
    int slab = -1;
    uint64_t offset = 0;
    uint64_t size_bytes = 0;  // as asked for, rounded up to the alignment
  };
  // Makes memory for slab number `slab`, or lets go of it. Called with the pool locked: they must not call the pool.
  using MakeSlab = std::function<Status(int slab, uint64_t size_bytes)>;
  using DropSlab = std::function<void(int slab)>;

  // Slabs have `slab_bytes`, or what a larger piece needs. REQUIRES: align_bytes is a power of two, slab_bytes a
  // multiple of it.
  SlabPool(uint64_t slab_bytes, uint64_t align_bytes, MakeSlab make);

  // The smallest free piece that is large enough, its rest stays free; a new slab where there is none, of the piece's
  // size alone where there is no memory for a whole one. Errors: those of MakeSlab, and nothing has changed;
  // kOutOfMemory for a size that cannot be rounded up. Zero bytes are taken as one.
  Result<Piece> take(uint64_t size_bytes);
  // REQUIRES: it came from take() and was not given back since.
  void give_back(const Piece& piece);
  // Lets go of each slab of which no piece is out; later slabs take their numbers.
  void trim(const DropSlab& drop);

  struct Usage {
    uint64_t slab_bytes = 0;      // of all slabs
    uint64_t used_bytes = 0;      // of pieces that are out
    uint64_t largest_free = 0;    // the largest piece that needs no new slab
    int n_slabs = 0, n_free = 0;  // free pieces
  };
  Usage usage() const;

 private:
  using Offsets = std::map<uint64_t, uint64_t>;  // free pieces of one slab: offset -> size
  struct Free {
    uint64_t size_bytes;
    int slab;
    uint64_t offset;
    auto operator<=>(const Free&) const = default;
  };
  struct Slab {
    Offsets free;
    uint64_t size_bytes = 0;  // 0: let go of
  };
  int next_number() const;
  void add_free(int slab, uint64_t offset, uint64_t size_bytes);
  void remove_free(int slab, Offsets::iterator at);

  const uint64_t slab_bytes_, align_bytes_;
  const MakeSlab make_;
  mutable std::mutex mutex_;
  std::vector<Slab> slabs_;
  std::set<Free> by_size_;
  uint64_t total_bytes_ = 0, used_bytes_ = 0;
  int n_slabs_ = 0;
};

}  // namespace bp
