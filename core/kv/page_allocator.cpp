#include "kv/page_allocator.h"

#include <fmt/format.h>

#include "base/check.h"

namespace bp {

PageAllocator::PageAllocator(int total_pages) : references_(static_cast<size_t>(total_pages), 0) {
  free_.reserve(references_.size());
  for (PageId page = total_pages - 1; page >= 0; --page) free_.push_back(page);
}

Result<std::vector<PageId>> PageAllocator::take(int count) {
  if (count > free_pages()) {
    return fail(ErrorCode::kOutOfMemory, "kv",
                fmt::format("need {} pages, {} of {} free", count, free_pages(), total_pages()),
                "lower engine.max_seqs or raise kv.memory_fraction");
  }
  std::vector<PageId> pages(free_.end() - count, free_.end());
  free_.resize(free_.size() - static_cast<size_t>(count));
  for (const PageId page : pages) references_[static_cast<size_t>(page)] = 1;
  return pages;
}

void PageAllocator::share(std::span<const PageId> pages) {
  for (const PageId page : pages) {
    BP_CHECK(references(page) > 0, "page {} is not in use", page);
    ++references_[static_cast<size_t>(page)];
  }
}

void PageAllocator::give_back(std::span<const PageId> pages) {
  for (const PageId page : pages) {
    BP_CHECK(references(page) > 0, "page {} is not in use", page);
    if (--references_[static_cast<size_t>(page)] == 0) free_.push_back(page);
  }
}

int PageAllocator::references(PageId page) const {
  BP_CHECK(page >= 0 && page < total_pages(), "page {} of {}", page, total_pages());
  return references_[static_cast<size_t>(page)];
}

}  // namespace bp
