#include "engine/queue_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>
#include <vector>

namespace bp {
namespace {

TEST(QueueThread, RunsJobsInOrderWhileTheCallerGoesOn) {
  std::vector<int> done;
  std::binary_semaphore may_begin(0);
  QueueThread thread;
  const auto first = thread.post([&]() -> Status {
    may_begin.acquire();
    done.push_back(1);
    return {};
  });
  const auto second = thread.post([&]() -> Status {
    done.push_back(2);
    return {};
  });
  may_begin.release();
  EXPECT_TRUE(thread.wait(second).has_value());
  EXPECT_TRUE(thread.wait(first).has_value());
  EXPECT_EQ(done, (std::vector<int>{1, 2}));
}

TEST(QueueThread, AnErrorIsThatOfAllLaterJobsWhichDoNotRun) {
  QueueThread thread;
  bool ran = false;
  const auto good = thread.post([] { return Status{}; });
  const auto bad = thread.post([]() -> Status { return fail(ErrorCode::kDevice, "cpu:0", "is gone"); });
  const auto later = thread.post([&] {
    ran = true;
    return Status{};
  });
  const auto status = thread.wait(later);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().message(), "cpu:0: is gone");
  EXPECT_FALSE(ran);
  EXPECT_FALSE(thread.wait(bad).has_value());
  EXPECT_TRUE(thread.wait(good).has_value());
  thread.drain();
}

TEST(QueueThread, EndsAfterTheJobThatRuns) {
  std::atomic<int> n_ran = 0;
  std::binary_semaphore begun(0);
  {
    QueueThread thread;
    thread.post([&] {
      begun.release();
      ++n_ran;
      return Status{};
    });
    begun.acquire();
  }
  EXPECT_EQ(n_ran, 1);
}

}  // namespace
}  // namespace bp
