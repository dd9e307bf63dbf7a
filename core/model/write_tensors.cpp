#include "model/write_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "quant/quant.h"

namespace bp {
namespace {

constexpr int64_t kUnitElements = int64_t{1} << 18;  // a megabyte of float32, which stays in a core's cache
constexpr auto kWatchEvery = std::chrono::milliseconds(50);

struct Unit {
  size_t job;
  int64_t first_row, n_rows;
};

int64_t row_size(const WeightView& view) { return view.dims.empty() ? 1 : view.dims.back(); }

int64_t n_rows(const WeightView& view) {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < view.dims.size(); ++i) rows *= view.dims[i];
  return rows;
}

std::vector<Unit> split(const std::vector<TensorJob>& jobs) {
  std::vector<Unit> units;
  for (size_t job = 0; job < jobs.size(); ++job) {
    const int64_t rows = n_rows(jobs[job].from);
    const int64_t step = std::max<int64_t>(1, kUnitElements / std::max<int64_t>(1, row_size(jobs[job].from)));
    for (int64_t row = 0; row < rows; row += step) units.push_back({job, row, std::min(step, rows - row)});
  }
  return units;
}

// Row buffers of one thread.
class Converter {
 public:
  Converter(const GgufFileWriter& writer, const std::vector<TensorJob>& jobs) : writer_(writer), jobs_(jobs) {}

  // Returns the bytes it read.
  Result<uint64_t> run(const Unit& unit) {
    const TensorJob& job = jobs_[unit.job];
    const auto k = static_cast<uint64_t>(row_size(job.from));
    const uint64_t from_bytes = *row_bytes(job.from.dtype, k), to_bytes = *row_bytes(job.to.dtype, k);
    const auto first = static_cast<uint64_t>(unit.first_row), count = static_cast<uint64_t>(unit.n_rows);
    if (job.from.dtype == job.to.dtype && job.rows.empty()) {
      BP_TRY_VOID(
          writer_.write(unit.job, first * to_bytes, job.from.bytes.subspan(first * from_bytes, count * from_bytes)));
      return count * from_bytes;
    }
    values_.resize(k);
    encoded_.resize(count * to_bytes);
    for (uint64_t row = 0; row < count; ++row) {
      const uint64_t from_row = job.rows.empty() ? first + row : static_cast<uint64_t>(job.rows[first + row]);
      const std::byte* source = job.from.bytes.data() + from_row * from_bytes;
      if (job.from.dtype == job.to.dtype) {
        std::memcpy(encoded_.data() + row * to_bytes, source, from_bytes);
        continue;
      }
      read_row(job.from.dtype, source);
      select_importance(unit.job, unit.first_row + static_cast<int64_t>(row));
      const Status done = encode_row(job.to.dtype, values_.data(), encoded_.data() + row * to_bytes,
                                     static_cast<int64_t>(k), importance_);
      if (!done) {
        return fail(ErrorCode::kFailed, fmt::format("tensor {} row {}", job.from.name, first + row), done.error().what,
                    done.error().fix);
      }
    }
    BP_TRY_VOID(writer_.write(unit.job, first * to_bytes, encoded_));
    return count * from_bytes;
  }

 private:
  void read_row(DType dtype, const std::byte* src) {
    if (dtype != DType::kF64) return decode_row(dtype, src, values_.data(), static_cast<int64_t>(values_.size()));
    for (size_t i = 0; i < values_.size(); ++i) {
      double value;
      std::memcpy(&value, src + i * sizeof(double), sizeof(double));
      values_[i] = static_cast<float>(value);
    }
  }

  void select_importance(size_t job, int64_t row) {
    const Importance* importance = jobs_[job].importance;
    const std::vector<int64_t>& dims = jobs_[job].from.dims;
    const int64_t matrix = dims.size() < 3 ? 0 : row / dims[dims.size() - 2];
    if (job == importance_job_ && matrix == importance_matrix_) return;
    importance_job_ = job;
    importance_matrix_ = matrix;
    importance_ = importance == nullptr ? std::vector<float>() : importance->means(matrix);
  }

  const GgufFileWriter& writer_;
  const std::vector<TensorJob>& jobs_;
  std::vector<float> values_;
  std::vector<std::byte> encoded_;
  size_t importance_job_ = SIZE_MAX;
  int64_t importance_matrix_ = -1;
  std::vector<float> importance_;
};

// Threads that take units until none is left or one failed.
class Workers {
 public:
  Workers(const GgufFileWriter& writer, const std::vector<TensorJob>& jobs, std::vector<Unit> units, int n_threads)
      : units_(std::move(units)) {
    n_running_ = n_threads;
    for (int i = 0; i < n_threads; ++i) {
      threads_.emplace_back([this, &writer, &jobs] { work(writer, jobs); });
    }
  }

  // Waits for the end, looking at the clock now and then.
  Status watch(const WriteOptions& options, uint64_t total) {
    std::unique_lock lock(mutex_);
    while (!ended_.wait_for(lock, kWatchEvery, [&] { return n_running_ == 0; })) {
      if (options.stop.stop_requested()) next_ = units_.size();
      lock.unlock();
      if (options.progress) options.progress(done_bytes_, total);
      lock.lock();
    }
    if (options.stop.stop_requested()) return fail(ErrorCode::kInterrupted, "", "interrupted");
    if (error_) return std::unexpected(*error_);
    if (options.progress) options.progress(total, total);
    return {};
  }

 private:
  void work(const GgufFileWriter& writer, const std::vector<TensorJob>& jobs) {
    Converter converter(writer, jobs);
    for (size_t i = next_++; i < units_.size(); i = next_++) {
      const auto read = converter.run(units_[i]);
      if (read) {
        done_bytes_ += *read;
        continue;
      }
      next_ = units_.size();
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = read.error();
    }
    const std::lock_guard lock(mutex_);
    if (--n_running_ == 0) ended_.notify_all();
  }

  std::vector<Unit> units_;
  std::atomic<size_t> next_ = 0;
  std::atomic<uint64_t> done_bytes_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  int n_running_ = 0;
  std::optional<Error> error_;
  std::vector<std::jthread> threads_;
};

}  // namespace

Result<uint64_t> write_tensors(const std::string& path, const GgufEntries& entries, const std::vector<TensorJob>& jobs,
                               const WriteOptions& options) {
  std::vector<GgufTensor> tensors;
  uint64_t total = 0;
  for (const TensorJob& job : jobs) {
    tensors.push_back(job.to);
    total += job.from.bytes.size();
  }
  BP_TRY(auto writer, GgufFileWriter::create(path, entries, std::move(tensors)));
  const int machine = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  Workers workers(writer, jobs, split(jobs), options.n_threads > 0 ? options.n_threads : machine);
  BP_TRY_VOID(workers.watch(options, total));
  BP_TRY_VOID(writer.finish());
  return writer.file_bytes();
}

}  // namespace bp
