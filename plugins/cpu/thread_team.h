// A persistent team of threads that run one piece of work together. The calling thread is the first of the team.
// Idle members spin for a short while, then sleep; shares of members that do not wake in time are done by the caller. A
// team of one never starts a thread. Thread-safety: any thread may call; where the team is busy with another caller's
// work, the caller does all of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace bp::cpu {

class ThreadTeam {
 public:
  struct Options {
    int n_threads = 0;  // 0: as many as processors this process may use
    bool pin = true;    // each member to a processor of its own
    int spin_us = 50;
  };
  explicit ThreadTeam(const Options& options);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int64_t size() const { return n_threads_; }

  // f(i) for i in [0, n): member t of the team takes i = t, t + size(), …
  template <class F>
  void parallel_for(int64_t n, F&& f) {
    if (n <= 0) return;
    if (n == 1) return f(int64_t{0});
    const int64_t stride = n_threads_;
    run_all([&f, n, stride](int64_t thread) {
      for (int64_t i = thread; i < n; i += stride) f(i);
    });
  }

  // f(i, thread) for i in [0, n), each taken by the next member that is free: for items of unequal work.
  template <class F>
  void parallel_for_dynamic(int64_t n, F&& f) {
    if (n <= 0) return;
    std::atomic<int64_t> next{0};
    const auto work = [&f, &next, n](int64_t thread) {
      for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) f(i, thread);
    };
    if (n == 1) return work(0);
    run_all(work);
  }

  // f(thread) once for each thread in [0, size()).
  template <class F>
  void run_all(F&& f) {
    run({[](void* context, int64_t thread) { (*static_cast<std::remove_reference_t<F>*>(context))(thread); },
         const_cast<void*>(static_cast<const void*>(&f))});
  }

 private:
  struct Job {
    void (*call)(void* context, int64_t thread) = nullptr;
    void* context = nullptr;
  };
  struct alignas(64) Claim {
    std::atomic<uint32_t> generation{0};  // of the last job whose share was taken
  };
  void run(const Job& job);
  bool claim(int64_t thread, uint32_t generation);
  void finish_share(int64_t thread);
  void member(int64_t thread);
  uint32_t wait_for_work(uint32_t seen) const;

  int64_t n_threads_ = 1;
  int spin_us_ = 0;
  std::vector<int> processors_;  // that members are pinned to; empty: not pinned
  std::vector<Claim> claimed_;   // by thread
  std::vector<std::thread> threads_;
  std::mutex owner_;  // held by the caller whose work the team does; only ever tried
  Job job_;
  alignas(64) std::atomic<uint32_t> generation_{0};  // counts jobs; a change wakes the members
  alignas(64) std::atomic<int64_t> n_working_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace bp::cpu
