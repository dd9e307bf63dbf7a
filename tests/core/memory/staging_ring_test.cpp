#include "memory/staging_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace bp {
namespace {

TEST(StagingRing, BytesComeBackInOrderHoweverTheyAreReleased) {
  StagingRing ring(256, 64);
  const auto a = ring.try_acquire(64), b = ring.try_acquire(100), c = ring.try_acquire(64);
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(b->offset, 64u);
  EXPECT_EQ(c->offset, 192u);
  EXPECT_FALSE(ring.try_acquire(1));
  ring.release(b->ticket);
  EXPECT_FALSE(ring.try_acquire(1));  // a is older
  ring.release(a->ticket);
  EXPECT_EQ(ring.try_acquire(192)->offset, 0u);
  EXPECT_FALSE(ring.try_acquire(1));
}

TEST(StagingRing, APieceDoesNotCrossTheEnd) {
  StagingRing ring(256, 64);
  const auto a = ring.try_acquire(192);
  ring.release(a->ticket);
  const auto b = ring.try_acquire(128);
  ASSERT_TRUE(b);
  EXPECT_EQ(b->offset, 0u);
  ring.release(b->ticket);
  EXPECT_EQ(ring.used_bytes(), 0u);
  EXPECT_EQ(ring.try_acquire(256)->offset, 0u);  // all of it, wherever it stands
}

TEST(StagingRingDeathTest, MoreThanTheRingIsAProgrammersError) {
  StagingRing ring(256, 64);
  EXPECT_DEATH((void)ring.try_acquire(257), "257 bytes of a ring of 256");
  EXPECT_DEATH(ring.release(3), "ticket 3");
}

// Three threads fill pieces, one takes them as a device does, late and out of order, and checks what they hold.
TEST(StagingRingStress, WhatOneThreadWritesAnotherReadsUnchanged) {
  constexpr int kWriters = 3, kPieces = 2000;
  StagingRing ring(4096, 64);
  std::vector<uint32_t> memory(4096 / 4);
  std::mutex mutex;
  std::condition_variable ready;
  std::deque<std::pair<StagingRing::Piece, uint32_t>> filled;
  int n_wrong = 0;
  std::vector<std::jthread> threads;
  for (uint32_t t = 1; t <= kWriters; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < kPieces; ++i) {
        const StagingRing::Piece piece = ring.acquire(4 + random() % 1000);
        std::fill_n(memory.data() + piece.offset / 4, piece.size_bytes / 4, t);
        {
          const std::scoped_lock lock(mutex);
          filled.emplace_back(piece, t);
        }
        ready.notify_one();
      }
    });
  }
  threads.emplace_back([&] {
    std::mt19937 random(99);
    for (int i = 0; i < kWriters * kPieces; ++i) {
      std::unique_lock lock(mutex);
      ready.wait(lock, [&] { return !filled.empty(); });
      std::swap(filled[random() % filled.size()], filled.back());
      const auto [piece, mark] = filled.back();
      filled.pop_back();
      lock.unlock();
      for (uint64_t w = 0; w < piece.size_bytes / 4; ++w) n_wrong += memory[piece.offset / 4 + w] != mark;
      ring.release(piece.ticket);
    }
  });
  threads.clear();
  EXPECT_EQ(n_wrong, 0);
  EXPECT_EQ(ring.used_bytes(), 0u);
}

}  // namespace
}  // namespace bp
