#include "engine/queue_thread.h"

#include <utility>

#include "base/check.h"

namespace bp {

QueueThread::QueueThread() : thread_([this](const std::stop_token& stop) { work(stop); }) {}

QueueThread::~QueueThread() {
  thread_.request_stop();
  thread_.join();
}

QueueThread::Ticket QueueThread::post(Job job) {
  Ticket ticket = 0;
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back(std::move(job));
    ticket = ++n_posted_;
  }
  work_.notify_one();
  return ticket;
}

Status QueueThread::wait(Ticket ticket) {
  std::unique_lock lock(mutex_);
  BP_CHECK(ticket <= n_posted_, "job {} of {}", ticket, n_posted_);
  done_.wait(lock, [&] { return n_done_ >= ticket; });
  if (error_ && failed_ <= ticket) return std::unexpected(*error_);
  return {};
}

void QueueThread::drain() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return n_done_ == n_posted_; });
}

void QueueThread::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (work_.wait(lock, stop, [&] { return !jobs_.empty(); }) && !stop.stop_requested()) {
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    const bool runs = !error_;
    lock.unlock();
    Status status = runs ? job() : Status{};
    lock.lock();
    ++n_done_;
    if (!status.has_value()) {
      error_ = std::move(status.error());
      failed_ = n_done_;
    }
    // Who waits is woken without the lock, so that it does not wait for that next.
    lock.unlock();
    done_.notify_all();
    lock.lock();
  }
}

}  // namespace bp
