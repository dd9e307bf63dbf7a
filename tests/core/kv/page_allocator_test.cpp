#include "kv/page_allocator.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <thread>

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

// Tables that grow, share prefixes and end, against a count kept beside the allocator.
void churn(uint32_t seed) {
  constexpr int kPages = 200;
  PageAllocator allocator(kPages);
  std::mt19937 random(seed);
  std::vector<std::vector<PageId>> tables;
  std::map<PageId, int> references;
  for (int i = 0; i < 5000; ++i) {
    const auto what = random() % 3;
    if (what == 0) {
      const int count = static_cast<int>(random() % 20);
      const auto pages = allocator.take(count);
      ASSERT_EQ(pages.has_value(), kPages - static_cast<int>(references.size()) >= count);
      if (!pages) continue;
      for (const PageId page : *pages) ASSERT_EQ(references[page]++, 0);  // nobody has it
      tables.push_back(*pages);
    } else if (what == 1 && !tables.empty()) {
      std::vector<PageId> prefix = tables[random() % tables.size()];
      prefix.resize(random() % (prefix.size() + 1));
      allocator.share(prefix);
      for (const PageId page : prefix) ++references[page];
      tables.push_back(prefix);
    } else if (!tables.empty()) {
      std::swap(tables[random() % tables.size()], tables.back());
      allocator.give_back(tables.back());
      for (const PageId page : tables.back()) {
        if (--references[page] == 0) references.erase(page);
      }
      tables.pop_back();
    }
    ASSERT_EQ(allocator.free_pages() + static_cast<int>(references.size()), kPages);
  }
  for (const auto& [page, count] : references) ASSERT_EQ(allocator.references(page), count);
  for (const auto& table : tables) allocator.give_back(table);
  ASSERT_EQ(allocator.free_pages(), kPages);
}

TEST(PageAllocatorStress, CountsAgreeHoweverTablesComeAndGo) { churn(1); }

// An allocator belongs to one thread; several of them have nothing in common.
TEST(PageAllocatorStress, AllocatorsOfDifferentThreadsShareNothing) {
  std::vector<std::jthread> threads;
  for (uint32_t seed = 2; seed < 6; ++seed) threads.emplace_back(churn, seed);
}

TEST(PageAllocatorDeathTest, GivingBackAFreePageIsAProgrammersError) {
  PageAllocator allocator(2);
  const std::vector<PageId> page = {1};
  EXPECT_DEATH(allocator.give_back(page), "page 1 is not in use");
}

}  // namespace
}  // namespace bp
