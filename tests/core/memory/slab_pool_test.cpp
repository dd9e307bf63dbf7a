#include "memory/slab_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

namespace bp {
namespace {

// Slabs of host memory behind the pool.
struct Slabs {
  std::vector<std::vector<uint32_t>> memory = std::vector<std::vector<uint32_t>>(4096);
  SlabPool::MakeSlab maker() {
    return [this](int slab, uint64_t bytes) -> Status {
      memory[static_cast<size_t>(slab)].resize(bytes / sizeof(uint32_t));
      return {};
    };
  }
  SlabPool::DropSlab dropper() {
    return [this](int slab) { std::vector<uint32_t>().swap(memory[static_cast<size_t>(slab)]); };
  }
};

TEST(SlabPool, PiecesAreJoinedAgainInAnyOrder) {
  Slabs slabs;
  std::vector<int> order = {0, 1, 2, 3};
  do {
    SlabPool pool(1024, 64, slabs.maker());
    std::vector<SlabPool::Piece> pieces;
    for (int i = 0; i < 4; ++i) pieces.push_back(*pool.take(256));
    EXPECT_EQ(pool.usage().n_free, 0);
    for (const int i : order) pool.give_back(pieces[static_cast<size_t>(i)]);
    EXPECT_EQ(pool.usage().n_free, 1);
    EXPECT_EQ(pool.usage().largest_free, 1024u);
    EXPECT_EQ(pool.usage().used_bytes, 0u);
  } while (std::ranges::next_permutation(order).found);
}

TEST(SlabPool, TheSmallestHoleThatFitsIsTaken) {
  Slabs slabs;
  SlabPool pool(1024, 64, slabs.maker());
  const auto large = *pool.take(300), wall = *pool.take(1), small = *pool.take(128), end = *pool.take(1);
  pool.give_back(large);
  pool.give_back(small);
  EXPECT_EQ(pool.take(100)->offset, small.offset);
  EXPECT_EQ(pool.take(200)->offset, large.offset);
  EXPECT_EQ(pool.usage().n_slabs, 1);
  pool.give_back(wall);
  pool.give_back(end);
}

TEST(SlabPool, WhatIsLargerThanASlabGetsItsOwn) {
  Slabs slabs;
  SlabPool pool(1024, 64, slabs.maker());
  const auto piece = pool.take(5000);
  ASSERT_TRUE(piece.has_value());
  EXPECT_EQ(piece->size_bytes, 5056u);
  EXPECT_EQ(pool.usage().slab_bytes, 5056u);
  EXPECT_FALSE(pool.take(UINT64_MAX).has_value());
}

TEST(SlabPool, ASlabThatCannotBeMadeChangesNothing) {
  bool refuses = true;
  SlabPool pool(1024, 64, [&](int, uint64_t) -> Status {
    return refuses ? fail(ErrorCode::kOutOfMemory, "test", "no") : Status{};
  });
  EXPECT_EQ(pool.take(10).error().code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(pool.usage().n_slabs, 0);
  refuses = false;
  EXPECT_TRUE(pool.take(10).has_value());
}

TEST(SlabPool, WhereThereIsNoRoomForASlabThePieceHasItsOwn) {
  SlabPool pool(1024, 64, [&](int, uint64_t bytes) -> Status {
    return bytes > 500 ? fail(ErrorCode::kOutOfMemory, "test", "no") : Status{};
  });
  EXPECT_TRUE(pool.take(100).has_value());
  EXPECT_EQ(pool.usage().slab_bytes, 128u);
  EXPECT_FALSE(pool.take(600).has_value());
}

TEST(SlabPool, TrimLetsGoOfSlabsThatNobodyUsesAndTheirNumbersAreUsedAgain) {
  Slabs slabs;
  SlabPool pool(1024, 64, slabs.maker());
  const auto a = *pool.take(1024), b = *pool.take(2048), c = *pool.take(512);
  pool.give_back(a);
  pool.give_back(b);
  std::vector<int> dropped;
  const auto drop = [&](int slab) { dropped.push_back(slab); };
  pool.trim(drop);
  EXPECT_EQ(dropped, std::vector<int>({a.slab, b.slab}));  // half of the third is used
  EXPECT_EQ(pool.usage().n_slabs, 1);
  EXPECT_EQ(pool.usage().slab_bytes, 1024u);
  EXPECT_EQ(pool.usage().largest_free, 512u);
  pool.trim(drop);
  EXPECT_EQ(dropped.size(), 2u);
  EXPECT_EQ(pool.take(1024)->slab, a.slab);
  EXPECT_EQ(pool.take(4096)->slab, b.slab);
  pool.give_back(c);
}

TEST(SlabPoolDeathTest, GivingBackTwiceIsAProgrammersError) {
  Slabs slabs;
  SlabPool pool(1024, 64, slabs.maker());
  const auto piece = *pool.take(64);
  pool.give_back(piece);
  EXPECT_DEATH(pool.give_back(piece), "is free already");
}

// Each thread writes its own mark all over its pieces: a piece handed out twice shows, here and to a race detector.
TEST(SlabPoolStress, NoTwoThreadsHoldTheSameBytes) {
  Slabs slabs;
  SlabPool pool(1 << 16, 64, slabs.maker());
  std::vector<std::jthread> threads;
  std::atomic<int> n_wrong = 0;
  for (uint32_t t = 1; t <= 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      std::vector<SlabPool::Piece> held;
      for (int i = 0; i < 3000; ++i) {
        if (held.size() > 20 || (!held.empty() && random() % 2 == 0)) {
          std::swap(held[random() % held.size()], held.back());
          const uint32_t* words = slabs.memory[static_cast<size_t>(held.back().slab)].data() + held.back().offset / 4;
          for (uint64_t w = 0; w < held.back().size_bytes / 4; ++w) n_wrong += words[w] != t;
          pool.give_back(held.back());
          held.pop_back();
          continue;
        }
        if (i % 100 == 0) pool.trim(slabs.dropper());
        held.push_back(*pool.take(random() % 3000));
        uint32_t* words = slabs.memory[static_cast<size_t>(held.back().slab)].data() + held.back().offset / 4;
        std::fill_n(words, held.back().size_bytes / 4, t);
      }
      for (const SlabPool::Piece& piece : held) pool.give_back(piece);
    });
  }
  threads.clear();
  EXPECT_EQ(n_wrong, 0);
  const SlabPool::Usage usage = pool.usage();
  EXPECT_EQ(usage.used_bytes, 0u);
  EXPECT_EQ(usage.n_free, usage.n_slabs);  // all joined again
  pool.trim(slabs.dropper());
  EXPECT_EQ(pool.usage().slab_bytes, 0u);
}

}  // namespace
}  // namespace bp
