#include "thread_team.h"

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>

#include <chrono>

namespace bp::cpu {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<int> allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) processors.push_back(i);
  }
  return processors;
}

void pin_to(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  ::pthread_setaffinity_np(::pthread_self(), sizeof(set), &set);
}

}  // namespace

ThreadTeam::ThreadTeam(const Options& options) : spin_us_(options.spin_us) {
  const std::vector<int> allowed = allowed_processors();
  n_threads_ = options.n_threads > 0 ? options.n_threads : static_cast<int64_t>(allowed.size());
  // The caller's thread is not ours to pin: with as many members as processors the kernel leaves it the one that is
  // free.
  if (options.pin && n_threads_ <= static_cast<int64_t>(allowed.size())) processors_ = allowed;
  claimed_ = std::vector<Claim>(static_cast<size_t>(n_threads_));
  for (int64_t thread = 1; thread < n_threads_; ++thread) threads_.emplace_back([this, thread] { member(thread); });
}

ThreadTeam::~ThreadTeam() {
  stop_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadTeam::run(const Job& job) {
  const std::unique_lock<std::mutex> lock(owner_, std::try_to_lock);
  if (n_threads_ == 1 || !lock.owns_lock()) {
    for (int64_t thread = 0; thread < n_threads_; ++thread) job.call(job.context, thread);
    return;
  }
  job_ = job;
  n_working_.store(n_threads_ - 1, std::memory_order_relaxed);
  const uint32_t generation = generation_.fetch_add(1, std::memory_order_release) + 1;
  generation_.notify_all();
  job.call(job.context, 0);
  // Shares that nobody began are ours: on a busy machine a sleeping member may take milliseconds to wake.
  for (int64_t thread = 1; thread < n_threads_; ++thread) {
    if (claim(thread, generation)) finish_share(thread);
  }
  for (int spins = 0; n_working_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < 20000) {
      _mm_pause();
    } else {
      std::this_thread::yield();  // a member was put to sleep in the middle of its share
    }
  }
}

// Each share of each job is done by whoever claims it first.
bool ThreadTeam::claim(int64_t thread, uint32_t generation) {
  uint32_t before = generation - 1;
  return claimed_[static_cast<size_t>(thread)].generation.compare_exchange_strong(before, generation,
                                                                                  std::memory_order_acq_rel);
}

void ThreadTeam::finish_share(int64_t thread) {
  job_.call(job_.context, thread);
  n_working_.fetch_sub(1, std::memory_order_release);
}

uint32_t ThreadTeam::wait_for_work(uint32_t seen) const {
  const auto until = Clock::now() + std::chrono::microseconds(spin_us_);
  do {
    for (int i = 0; i < 64; ++i) {
      if (const uint32_t now = generation_.load(std::memory_order_acquire); now != seen) return now;
      _mm_pause();
    }
  } while (Clock::now() < until);
  generation_.wait(seen, std::memory_order_acquire);
  return generation_.load(std::memory_order_acquire);
}

void ThreadTeam::member(int64_t thread) {
  if (!processors_.empty()) pin_to(processors_[static_cast<size_t>(thread) % processors_.size()]);
  for (uint32_t seen = 0;;) {
    seen = wait_for_work(seen);
    if (stop_.load(std::memory_order_relaxed)) return;
    if (claim(thread, seen)) finish_share(thread);
  }
}

}  // namespace bp::cpu
