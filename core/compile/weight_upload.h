// Host bytes on their way to a device, through a ring of pinned memory: while the device copies what is in one piece of
// the ring, threads of the host fill the next, reading the file as they do. Not thread-safe. The device and the queue
// outlive it.
#pragma once

#include <backplane/plugin.h>

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "memory/staging_ring.h"
#include "plugin_host/device.h"
#include "plugin_host/queue.h"

namespace bp {

class WeightUpload {
 public:
  // How much an upload may pin, and from how many bytes on that pays: to pin 64 MiB takes some 40 ms.
  struct Limits {
    uint64_t ring_bytes = uint64_t{64} << 20;
    uint64_t least_bytes = uint64_t{512} << 20;
  };
  // A ring holds kPieces of piece_bytes, a multiple of BP_ARG_ALIGN; 0: none.
  static constexpr uint64_t kPieces = 4;
  struct Ring {
    uint64_t piece_bytes = 0;
    uint64_t size_bytes() const { return kPieces * piece_bytes; }
  };
  // For so many bytes in all, of which `run_bytes` at a time must lie in one piece (rows that are packed together).
  static Ring ring_for(uint64_t total_bytes, uint64_t run_bytes, const Limits& limits);
  // Whether the device gains by it: it has memory that the host does not reach, and copies out of pinned memory while
  // the host goes on. Others read host bytes as they are.
  static bool pays(const Device& device);

  // Errors: kOutOfMemory, kDevice, kUnsupported where the device has no memory that the host writes.
  static Result<WeightUpload> create(Device& device, Queue& queue, Ring ring);
  WeightUpload(WeightUpload&&) = default;
  WeightUpload& operator=(WeightUpload&&) = delete;
  ~WeightUpload();  // waits for the queue, unless all is done

  // After an error of these three only the destructor is called: some of the bytes may have been copied.
  // `from` is read before the call returns. REQUIRES: equal bytes; `to` is memory of the device.
  Status copy(std::span<const std::byte> from, const bp_span& to);
  // Packs the rows of source `source`, which begin with row `row0` among those of all sources, in slices of
  // `row_multiple` rows. `job` has all but `src`, `row0`, `n_rows` and `src_row0`. REQUIRES: row_multiple rows fit a
  // piece; the layout is packed from memory of the device.
  struct Rows {
    std::span<const std::byte> bytes;
    uint32_t source = 0;
    int64_t row0 = 0, n_rows = 0, row_multiple = 1;
  };
  Status pack(bp_pack job, const Rows& rows);
  // Waits until all is on the device.
  Status finish();

 private:
  struct InFlight {
    uint64_t ticket = 0;
    std::optional<Event> done;  // none: of a device without events
  };
  WeightUpload(Device& device, Queue& queue, Ring ring, Memory pinned);
  Status open();
  Status flush();
  Status mark();
  Status retire();

  Device* device_;
  Queue* queue_;
  Ring size_;
  Memory pinned_;
  std::unique_ptr<StagingRing> ring_;  // null: moved from
  std::deque<InFlight> in_flight_;     // oldest first
  std::vector<Event> events_;          // to be used again
  std::optional<StagingRing::Piece> piece_;
  uint64_t filled_bytes_ = 0;               // of the piece
  std::vector<bp_span> targets_, sources_;  // of the piece
  bool is_idle_ = true;                     // nothing was enqueued since the last wait for the queue
};

}  // namespace bp
