#include "kv/page_table.h"

#include <gtest/gtest.h>

namespace bp {
namespace {

TEST(PageTable, GrowsByWholePagesAndGivesThemBack) {
  PageAllocator allocator(4);
  {
    PageTable table(allocator, 16);
    ASSERT_TRUE(table.grow(1).has_value());
    ASSERT_TRUE(table.grow(16).has_value());
    EXPECT_EQ(table.pages().size(), 1u);
    ASSERT_TRUE(table.grow(17).has_value());
    EXPECT_EQ(table.pages().size(), 2u);
    EXPECT_EQ(table.slot(17), table.pages()[1] * 16 + 1);
    EXPECT_FALSE(table.grow(100).has_value());
    EXPECT_EQ(table.pages().size(), 2u);
  }
  EXPECT_EQ(allocator.free_pages(), 4);
}

TEST(PageTable, ASharedPrefixOutlivesItsOrigin) {
  PageAllocator allocator(3);
  PageTable first(allocator, 4);
  ASSERT_TRUE(first.grow(12).has_value());
  PageTable second = first.share_prefix(8);
  first.clear();
  EXPECT_EQ(allocator.free_pages(), 1);
  EXPECT_EQ(second.pages().size(), 2u);
  second.clear();
  EXPECT_EQ(allocator.free_pages(), 3);
}

}  // namespace
}  // namespace bp
