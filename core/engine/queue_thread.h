// A thread that drives a queue: runs jobs one after another, in the order in which they were posted, and sleeps while
// there are none. For queues of inline devices, whose launches run the work, so that the caller goes on meanwhile.
// Thread-safety: one thread posts and waits; the jobs run on the other.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/result.h"

namespace bp {

class QueueThread {
 public:
  using Job = std::function<Status()>;
  using Ticket = uint64_t;

  QueueThread();
  // Waits for the job that runs; those behind it are dropped.
  ~QueueThread();
  QueueThread(const QueueThread&) = delete;
  QueueThread& operator=(const QueueThread&) = delete;

  // Never waits.
  Ticket post(Job job);
  // Until the job of the ticket is done. Its error; after one, later jobs are not run and have the same error.
  Status wait(Ticket ticket);
  // Until all jobs are done, whatever came of them: then the caller may drive the queue itself.
  void drain();

 private:
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any work_;  // a job was posted
  std::condition_variable done_;      // a job is done
  std::deque<Job> jobs_;              // not begun
  Ticket n_posted_ = 0;
  Ticket n_done_ = 0;
  std::optional<Error> error_;  // of job failed_
  Ticket failed_ = 0;
  std::jthread thread_;
};

}  // namespace bp
