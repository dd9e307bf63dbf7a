#include "kv/page_allocator.h"

#include <gtest/gtest.h>

#include <set>

namespace bp {
namespace {

TEST(PageAllocator, TakeIsAllOrNothing) {
  PageAllocator allocator(4);
  const auto three = allocator.take(3);
  ASSERT_TRUE(three.has_value());
  const auto two = allocator.take(2);
  ASSERT_FALSE(two.has_value());
  EXPECT_EQ(two.error().code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(two.error().what, "need 2 pages, 1 of 4 free");
  EXPECT_EQ(allocator.free_pages(), 1);
}

TEST(PageAllocator, PagesAreDistinct) {
  PageAllocator allocator(100);
  const auto pages = allocator.take(100);
  ASSERT_TRUE(pages.has_value());
  EXPECT_EQ(std::set<PageId>(pages->begin(), pages->end()).size(), 100u);
}

TEST(PageAllocator, ASharedPageIsFreeOnlyAfterItsLastReader) {
  PageAllocator allocator(1);
  const auto page = allocator.take(1);
  ASSERT_TRUE(page.has_value());
  allocator.share(*page);
  allocator.give_back(*page);
  EXPECT_EQ(allocator.free_pages(), 0);
  allocator.give_back(*page);
  EXPECT_EQ(allocator.free_pages(), 1);
}

TEST(PageAllocatorDeathTest, GivingBackAFreePageIsAProgrammersError) {
  PageAllocator allocator(2);
  const std::vector<PageId> page = {1};
  EXPECT_DEATH(allocator.give_back(page), "page 1 is not in use");
}

}  // namespace
}  // namespace bp
