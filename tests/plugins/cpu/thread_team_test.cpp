#include "thread_team.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

namespace bp::cpu {
namespace {

TEST(ThreadTeam, EveryItemIsDoneOnce) {
  for (const int n_threads : {1, 2, 5}) {
    ThreadTeam team({.n_threads = n_threads, .pin = false});
    EXPECT_EQ(team.size(), n_threads);
    for (const int64_t n : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> fixed(static_cast<size_t>(n));
      std::vector<std::atomic<int>> free(static_cast<size_t>(n));
      team.parallel_for(n, [&](int64_t i) { ++fixed[static_cast<size_t>(i)]; });
      team.parallel_for_dynamic(n, [&](int64_t i, int64_t) { ++free[static_cast<size_t>(i)]; });
      for (const auto& count : fixed) EXPECT_EQ(count, 1);
      for (const auto& count : free) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ThreadTeam, WhatMembersWroteIsSeenAfterwards) {
  ThreadTeam team({.n_threads = 4, .pin = false, .spin_us = 0});
  std::vector<int64_t> sums(4);
  for (int64_t round = 1; round <= 2000; ++round) {
    team.run_all([&](int64_t thread) { sums[static_cast<size_t>(thread)] += round; });
    ASSERT_EQ(std::accumulate(sums.begin(), sums.end(), int64_t{0}), 4 * round * (round + 1) / 2);
  }
}

TEST(ThreadTeam, WakesMembersThatSleep) {
  ThreadTeam team({.n_threads = 3, .pin = false, .spin_us = 1});
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int> count{0};
    team.run_all([&](int64_t) { ++count; });
    ASSERT_EQ(count, 3);
  }
}

TEST(ThreadTeam, ManyCallersAtOnceEachGetTheirWorkDone) {
  ThreadTeam team({.n_threads = 3, .pin = false});
  std::vector<std::thread> callers;
  std::atomic<int64_t> total{0};
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) team.parallel_for_dynamic(10, [&](int64_t i, int64_t) { total += i; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total, 4 * 200 * 45);
}

TEST(ThreadTeam, PinnedMembersAndAnEmptyTeamEndCleanly) {
  for (int i = 0; i < 20; ++i) ThreadTeam team({.n_threads = 0, .pin = true});
}

}  // namespace
}  // namespace bp::cpu
