#include "compile/weight_upload.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>

#include "base/check.h"

namespace bp {
namespace {

uint64_t align_up(uint64_t value) { return (value + BP_ARG_ALIGN - 1) / BP_ARG_ALIGN * BP_ARG_ALIGN; }

// One thread reads a fresh mapping at some 5 GB/s: it spends its time on page faults. Several of them read faster than
// most devices copy.
constexpr uint64_t kThreadBytes = uint64_t{2} << 20;
constexpr uint64_t kMostThreads = 8;

void read_into(std::byte* to, const std::byte* from, uint64_t n_bytes) {
  const uint64_t processors = std::max(std::thread::hardware_concurrency(), 1u);
  const uint64_t n_threads = std::clamp<uint64_t>(n_bytes / kThreadBytes, 1, std::min(kMostThreads, processors));
  const uint64_t share = (n_bytes + n_threads - 1) / n_threads;
  std::vector<std::jthread> threads;
  uint64_t done = 0;
  try {
    threads.reserve(n_threads);
    for (; done + share < n_bytes; done += share) {
      threads.emplace_back([=] { std::memcpy(to + done, from + done, share); });
    }
  } catch (const std::system_error&) {  // no more threads: the rest is done here
  }
  std::memcpy(to + done, from + done, n_bytes - done);
}

}  // namespace

WeightUpload::Ring WeightUpload::ring_for(uint64_t total_bytes, uint64_t run_bytes, const Limits& limits) {
  const uint64_t largest = std::max<uint64_t>(limits.ring_bytes / kPieces / BP_ARG_ALIGN * BP_ARG_ALIGN, BP_ARG_ALIGN);
  const uint64_t piece = std::min(largest, align_up((total_bytes + kPieces - 1) / kPieces));
  return {std::max(piece, align_up(run_bytes))};
}

bool WeightUpload::pays(const Device& device) {
  const auto has = [&](uint32_t flags) {
    return std::ranges::any_of(device.heaps(), [&](const bp_heap& heap) { return (heap.flags & flags) == flags; });
  };
  return device.copies_async() && device.has_events() && has(BP_HEAP_PINNED) &&
         !has(BP_HEAP_DEVICE | BP_HEAP_HOST_VISIBLE) && !device.uses_host_memory();
}

Result<WeightUpload> WeightUpload::create(Device& device, Queue& queue, Ring ring) {
  BP_CHECK(ring.piece_bytes > 0 && ring.piece_bytes % BP_ARG_ALIGN == 0, "pieces of {}", ring.piece_bytes);
  BP_TRY(Memory pinned, device.alloc(ring.size_bytes(), "weights on their way", AllocKind::kPinned));
  return WeightUpload(device, queue, ring, std::move(pinned));
}

WeightUpload::WeightUpload(Device& device, Queue& queue, Ring ring, Memory pinned)
    : device_(&device),
      queue_(&queue),
      size_(ring),
      pinned_(std::move(pinned)),
      ring_(std::make_unique<StagingRing>(ring.size_bytes(), BP_ARG_ALIGN)) {}

WeightUpload::~WeightUpload() {
  if (ring_ != nullptr && !is_idle_) static_cast<void>(queue_->sync());  // of a lost device: at once
}

// A piece to fill.
Status WeightUpload::open() {
  while (!(piece_ = ring_->try_acquire(size_.piece_bytes))) BP_TRY_VOID(retire());
  filled_bytes_ = 0;
  return {};
}

// Waits for the oldest piece, and frees it.
Status WeightUpload::retire() {
  InFlight& oldest = in_flight_.front();
  if (oldest.done) {
    BP_TRY_VOID(oldest.done->sync());
    events_.push_back(std::move(*oldest.done));
  } else {
    BP_TRY_VOID(queue_->sync());
  }
  ring_->release(oldest.ticket);
  in_flight_.pop_front();
  return {};
}

Status WeightUpload::copy(std::span<const std::byte> from, const bp_span& to) {
  BP_CHECK(from.size() == to.bytes, "{} bytes into {}", from.size(), to.bytes);
  for (uint64_t done = 0; done < from.size();) {
    if (!piece_) BP_TRY_VOID(open());
    const uint64_t n = std::min<uint64_t>(from.size() - done, size_.piece_bytes - filled_bytes_);
    const uint64_t at = piece_->offset + filled_bytes_;
    read_into(pinned_.host() + at, from.data() + done, n);
    targets_.push_back({to.mem, to.host, to.off + done, n});
    sources_.push_back(pinned_.span(at, n));
    done += n;
    filled_bytes_ += align_up(n);
    if (filled_bytes_ >= size_.piece_bytes) BP_TRY_VOID(flush());
  }
  return {};
}

// Enqueues the copies out of the piece.
Status WeightUpload::flush() {
  if (!piece_) return {};
  is_idle_ = false;
  BP_TRY_VOID(queue_->copy(targets_, sources_));
  targets_.clear();
  sources_.clear();
  return mark();
}

// The piece is free again when the queue has come here.
Status WeightUpload::mark() {
  InFlight& last = in_flight_.emplace_back(InFlight{piece_->ticket, std::nullopt});
  piece_.reset();
  if (!device_->has_events()) return {};
  if (events_.empty()) {
    BP_TRY(last.done, device_->create_event(false, true));
  } else {
    last.done = std::move(events_.back());
    events_.pop_back();
  }
  return queue_->record(*last.done);
}

Status WeightUpload::pack(bp_pack job, const Rows& rows) {
  if (rows.n_rows == 0) return {};
  const uint64_t row_bytes = rows.bytes.size() / static_cast<uint64_t>(rows.n_rows);
  const int64_t multiple = std::max<int64_t>(rows.row_multiple, 1);
  const auto fits = static_cast<int64_t>(size_.piece_bytes / std::max<uint64_t>(row_bytes, 1));
  const int64_t slice = fits >= rows.n_rows ? rows.n_rows : fits / multiple * multiple;
  BP_CHECK(slice > 0, "{} rows of {} bytes in a piece of {}", multiple, row_bytes, size_.piece_bytes);
  std::vector<bp_span> sources(job.n_src);
  job.src = sources.data();
  for (int64_t row = 0; row < rows.n_rows; row += slice) {
    BP_TRY_VOID(flush());
    BP_TRY_VOID(open());
    const int64_t n = std::min(slice, rows.n_rows - row);
    const uint64_t bytes = static_cast<uint64_t>(n) * row_bytes;
    read_into(pinned_.host() + piece_->offset, rows.bytes.data() + static_cast<uint64_t>(row) * row_bytes, bytes);
    sources[rows.source] = pinned_.span(piece_->offset, bytes);
    job.row0 = job.src_row0 = rows.row0 + row;
    job.n_rows = n;
    is_idle_ = false;
    BP_TRY_VOID(device_->pack(job, *queue_));
    BP_TRY_VOID(mark());
  }
  return {};
}

Status WeightUpload::finish() {
  BP_TRY_VOID(flush());
  BP_TRY_VOID(queue_->sync());
  is_idle_ = true;
  while (!in_flight_.empty()) BP_TRY_VOID(retire());
  return {};
}

}  // namespace bp
