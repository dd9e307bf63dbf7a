#include "memory/arena.h"

#include <gtest/gtest.h>

#include <random>

namespace bp {
namespace {

TEST(Arena, BuffersAliveTogetherNeverOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> lifetimes;
    for (int i = 0; i < 60; ++i) {
      const int first = static_cast<int>(random() % 100);
      lifetimes.push_back(
          {random() % 1000, uint64_t{1} << random() % 7, first, first + static_cast<int>(random() % 10)});
    }
    const ArenaPlan plan = plan_arena(lifetimes);
    EXPECT_GE(plan.size_bytes, plan.lower_bound_bytes);
    for (size_t i = 0; i < lifetimes.size(); ++i) {
      const Lifetime& a = lifetimes[i];
      EXPECT_EQ(plan.offsets[i] % a.align_bytes, 0u);
      EXPECT_LE(plan.offsets[i] + a.size_bytes, plan.size_bytes);
      for (size_t j = 0; j < i; ++j) {
        const Lifetime& b = lifetimes[j];
        const bool together = a.first <= b.last && b.first <= a.last;
        const bool share =
            plan.offsets[i] < plan.offsets[j] + b.size_bytes && plan.offsets[j] < plan.offsets[i] + a.size_bytes;
        EXPECT_FALSE(together && share && a.size_bytes > 0 && b.size_bytes > 0);
      }
    }
  }
}

TEST(Arena, AChainNeedsOnlyTwoBuffersAtATime) {
  std::vector<Lifetime> lifetimes;
  for (int i = 0; i < 10; ++i) lifetimes.push_back({256, 64, i, i + 1});
  const ArenaPlan plan = plan_arena(lifetimes);
  EXPECT_EQ(plan.size_bytes, 512u);
  EXPECT_EQ(plan.lower_bound_bytes, 512u);
}

// By size alone: 4 at 0; 3 at 0, which is gone by then; the long 2 above the 4; the other 2 fits nowhere below 8.
TEST(Arena, AnotherOrderIsTakenWhereSizeAloneWastes) {
  const std::vector<Lifetime> lifetimes = {{3, 1, 2, 2}, {4, 1, 4, 5}, {2, 1, 0, 2}, {2, 1, 2, 5}};
  const ArenaPlan plan = plan_arena(lifetimes);
  EXPECT_EQ(plan.lower_bound_bytes, 7u);
  EXPECT_EQ(plan.size_bytes, 7u);
  EXPECT_EQ(plan.naive_bytes, 11u);
}

TEST(Arena, EqualLifetimesGiveEqualOffsets) {
  std::mt19937 random(3);
  std::vector<Lifetime> lifetimes;
  for (int i = 0; i < 300; ++i) {
    const int first = static_cast<int>(random() % 100);
    lifetimes.push_back({random() % 5000, 64, first, first + static_cast<int>(random() % 30)});
  }
  const ArenaPlan one = plan_arena(lifetimes), two = plan_arena(lifetimes);
  EXPECT_EQ(one.offsets, two.offsets);
  EXPECT_LE(static_cast<double>(one.size_bytes), 1.25 * static_cast<double>(one.lower_bound_bytes));
}

TEST(Arena, TheLowerBoundKnowsOfAlignment) {
  const std::vector<Lifetime> lifetimes = {{10, 64, 0, 1}, {20, 64, 0, 1}, {30, 64, 1, 2}};
  const ArenaPlan plan = plan_arena(lifetimes);
  EXPECT_EQ(plan.lower_bound_bytes, 64u + 64 + 10);  // the smallest on top
  EXPECT_EQ(plan.size_bytes, plan.lower_bound_bytes);
}

TEST(Arena, NothingNeedsNothing) { EXPECT_EQ(plan_arena({}).size_bytes, 0u); }

}  // namespace
}  // namespace bp
