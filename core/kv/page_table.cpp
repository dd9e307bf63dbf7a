#include "kv/page_table.h"

#include <algorithm>

#include "base/check.h"

namespace bp {

PageTable& PageTable::operator=(PageTable&& other) noexcept {
  std::swap(allocator_, other.allocator_);
  std::swap(page_size_, other.page_size_);
  std::swap(pages_, other.pages_);
  return *this;
}

int PageTable::pages_missing(int n_tokens) const {
  const int needed = (n_tokens + page_size_ - 1) / page_size_;
  return std::max(0, needed - static_cast<int>(pages_.size()));
}

Status PageTable::grow(int n_tokens) {
  BP_TRY(const std::vector<PageId> taken, allocator_->take(pages_missing(n_tokens)));
  pages_.insert(pages_.end(), taken.begin(), taken.end());
  return {};
}

PageTable PageTable::share_prefix(int n_tokens) const {
  BP_CHECK(n_tokens % page_size_ == 0, "{} tokens, pages of {}", n_tokens, page_size_);
  PageTable shared(*allocator_, page_size_);
  shared.pages_.assign(pages_.begin(), pages_.begin() + n_tokens / page_size_);
  allocator_->share(shared.pages_);
  return shared;
}

void PageTable::clear() {
  allocator_->give_back(pages_);
  pages_.clear();
}

}  // namespace bp
