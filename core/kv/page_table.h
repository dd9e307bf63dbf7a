// The pages of one sequence, in the order of its tokens. Not thread-safe; the allocator outlives it.
// Invariant: pages().size() * page_size >= the tokens it was grown for; gives every page back when destroyed.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "kv/page_allocator.h"

namespace bp {

class PageTable {
 public:
  PageTable(PageAllocator& allocator, int page_size) : allocator_(&allocator), page_size_(page_size) {}
  PageTable(PageTable&& other) noexcept
      : allocator_(other.allocator_), page_size_(other.page_size_), pages_(std::exchange(other.pages_, {})) {}
  PageTable& operator=(PageTable&& other) noexcept;
  ~PageTable() { clear(); }

  // Pages that growing to `n_tokens` would take.
  int pages_missing(int n_tokens) const;
  // Takes what growing to `n_tokens` needs. All or nothing.
  Status grow(int n_tokens);
  // A table of the same first `n_tokens`, sharing whole pages. REQUIRES: n_tokens is a multiple of the page size.
  PageTable share_prefix(int n_tokens) const;
  void clear();

  // Where token `position` lives: page * page_size + offset. REQUIRES: grown beyond it.
  int32_t slot(int position) const {
    return pages_[static_cast<size_t>(position / page_size_)] * page_size_ + position % page_size_;
  }
  std::span<const PageId> pages() const { return pages_; }
  int page_size() const { return page_size_; }

 private:
  PageAllocator* allocator_;
  int page_size_;
  std::vector<PageId> pages_;
};

}  // namespace bp
