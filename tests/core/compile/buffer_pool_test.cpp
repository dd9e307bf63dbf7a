#include "compile/buffer_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "../built_plugins.h"

namespace bp {
namespace {

using Piece = std::shared_ptr<const BufferSpan>;

TEST(BufferPool, SmallPiecesShareASlabAndGoBackWithTheirLastOwner) {
  BufferPool pool(nullptr);
  EXPECT_EQ(pool.usage().slab_bytes, 0u);
  std::vector<Piece> pieces;
  for (uint64_t i = 0; i < 100; ++i) {
    pieces.push_back(*pool.take(i));
    EXPECT_EQ(pieces.back()->size_bytes, i);
    EXPECT_EQ(pieces.back()->offset % BufferPool::kAlignBytes, 0u);
  }
  EXPECT_EQ(pool.usage().n_slabs, 1);
  EXPECT_EQ(pool.usage().used_bytes, 100 * BufferPool::kAlignBytes);
  const Piece other = pieces.front();
  pieces.clear();
  EXPECT_EQ(pool.usage().used_bytes, BufferPool::kAlignBytes);
  EXPECT_EQ(pool.usage().n_slabs, 1);  // kept for the next ones
}

TEST(BufferPool, WhatLiesFreeIsBoundedByWhatIsUsed) {
  BufferPool pool(nullptr);
  constexpr uint64_t kBytes = BufferPool::kKeptBytes / 2;
  const Piece small = *pool.take(1000);
  std::vector<Piece> large;
  for (int i = 0; i < 3; ++i) large.push_back(*pool.take(kBytes));
  EXPECT_EQ(pool.usage().n_slabs, 4);
  large.pop_back();
  large.pop_back();
  EXPECT_EQ(pool.usage().n_slabs, 4);
  large.pop_back();
  EXPECT_EQ(pool.usage().n_slabs, 1);
  EXPECT_EQ(pool.usage().slab_bytes, BufferPool::kSlabBytes);
}

// The fake has 1 MiB for each allocation, less than a slab.
TEST(BufferPool, ADeviceWithoutRoomForASlabGivesWhatItHas) {
  const auto registry = built_plugins({.paths = {BP_BUILD_DIR "/tests/fakes/good.so"}});
  const auto device = registry->open("good:0");
  ASSERT_TRUE(device.has_value()) << device.error().message();
  BufferPool pool(device->get());
  const auto piece = pool.take(100000);
  ASSERT_TRUE(piece.has_value()) << piece.error().message();
  EXPECT_EQ(pool.usage().slab_bytes, 100096u);
  const auto refused = pool.take(uint64_t{2} << 20);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kOutOfMemory);
  EXPECT_EQ(pool.usage().n_slabs, 1);
  EXPECT_FALSE(pool.take(UINT64_MAX).has_value());
}

TEST(BufferPoolDeathTest, APieceDoesNotOutliveItsPool) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Piece left;
        BufferPool pool(nullptr);
        left = *pool.take(1);
      },
      "256 bytes are still out");
}

// Threads take pieces, fill them, and hand them to one another: each ends on whatever thread holds it last.
TEST(BufferPoolStress, PiecesEndOnAnyThread) {
  BufferPool pool(nullptr);
  std::mutex mutex;
  std::vector<std::pair<Piece, std::byte>> shared;
  std::atomic<int> n_wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 1; t <= 4; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(static_cast<uint32_t>(t));
        for (int i = 0; i < 2000; ++i) {
          // Now and then one with a slab of its own, of which only the ends are written.
          const uint64_t bytes = random() % 100 == 0 ? BufferPool::kKeptBytes / 3 : random() % 2000 + 1;
          Piece piece = *pool.take(bytes);
          const auto mark = static_cast<std::byte>(random());
          const uint64_t n = std::min<uint64_t>(bytes, 2000);
          std::fill_n(piece->host(), n, mark);
          piece->host()[bytes - 1] = mark;
          std::pair<Piece, std::byte> got;
          {
            const std::scoped_lock lock(mutex);
            shared.emplace_back(std::move(piece), mark);
            if (shared.size() < 30) continue;
            std::swap(shared[random() % shared.size()], shared.back());
            got = std::move(shared.back());
            shared.pop_back();
          }
          const std::byte* begin = got.first->host();
          const auto other = [&](std::byte byte) { return byte != got.second; };
          n_wrong += std::any_of(begin, begin + std::min<uint64_t>(got.first->size_bytes, 2000), other);
          n_wrong += other(begin[got.first->size_bytes - 1]);
        }
      });
    }
  }
  EXPECT_EQ(n_wrong, 0);
  shared.clear();
  EXPECT_EQ(pool.usage().used_bytes, 0u);
  EXPECT_LE(pool.usage().slab_bytes, BufferPool::kKeptBytes);
}

}  // namespace
}  // namespace bp
