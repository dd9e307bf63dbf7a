// Hands out page ids of the paged KV cache, with reference counts so that sequences can share a prefix. Bookkeeping
// only: it never touches device memory. Not thread-safe: owned and called by the engine thread alone. Invariant:
// free_pages() + pages with a count above zero == total_pages().
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace bp {

using PageId = int32_t;

class PageAllocator {
 public:
  // REQUIRES: total_pages >= 0.
  explicit PageAllocator(int total_pages);

  // Takes `count` pages, each with one reference, in no particular order. All or nothing: on kOutOfMemory none is
  // taken.
  Result<std::vector<PageId>> take(int count);
  // One more reference to each page. REQUIRES: each is in use.
  void share(std::span<const PageId> pages);
  // One reference less to each; a page without references is free again. REQUIRES: each is in use.
  void give_back(std::span<const PageId> pages);

  int references(PageId page) const;
  int free_pages() const { return static_cast<int>(free_.size()); }
  int total_pages() const { return static_cast<int>(references_.size()); }

 private:
  std::vector<int32_t> references_;
  std::vector<PageId> free_;  // a stack: the page used last is the warmest
};

}  // namespace bp
