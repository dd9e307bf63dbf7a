// The weights of a model on a device, each once for every layout that a kernel asked for, joined ones as one; shared by
// all programs of the model. Not thread-safe: programs are compiled by one thread at a time. Invariant: a span handed
// out stays valid while the store lives.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compile/buffer.h"
#include "compile/weight_upload.h"
#include "graph/graph.h"
#include "plugin_host/device.h"
#include "plugin_host/queue.h"

namespace bp {

// A weight as a kernel wants it. `layout` "": as the file has it.
struct WeightNeed {
  const HostTensor* tensor = nullptr;
  std::string layout;
};

class WeightStore {
 public:
  // A source without a device (and `queue` null): the reference, which reads the file's bytes in place. One that
  // rehearses: sizes are counted, and spans have no memory.
  WeightStore(const SlabSource& source, Queue* queue, const WeightUpload::Limits& limits = {})
      : source_(source), device_(source.device), queue_(queue), limits_(limits) {}

  // Brings every need that is not there yet onto the device: one slab for all, packed or copied; large unpacked ones
  // are read in place where the device can. After an error the store is as before.
  Status load(std::span<const WeightNeed> needs);
  // Whether the device could hold the need: kUnsupported where the layout is not for this tensor.
  Status check(const WeightNeed& need) const;
  // The layouts in which the tensor is there, "" for the file's.
  std::vector<std::string> layouts_of(const HostTensor& tensor) const;
  // Whether the model's products that share an input are joined (graph/passes): decided by the first program that has
  // some and kept for all, so that no weight is there both on its own and as a part.
  std::map<std::string, bool>& joined() { return joined_; }
  // REQUIRES: loaded.
  BufferSpan find(const HostTensor& tensor, const std::string& layout) const;
  // Bytes of device memory the store holds, without those read in place.
  uint64_t size_bytes() const { return size_bytes_; }
  // Bytes of the file that the device reads in place.
  uint64_t in_place_bytes() const { return in_place_bytes_; }
  // Of pinned host memory, the most that a load() took and gave back.
  uint64_t loading_bytes() const { return loading_bytes_; }

 private:
  using Key = std::pair<const std::byte*, std::string>;
  static Key key_of(const HostTensor& tensor, const std::string& layout);
  void keep_owners(const HostTensor& tensor);
  struct Placement {
    WeightNeed need;
    std::vector<bp_value> sources;  // the tensor, or its parts
    uint32_t layout = 0;
    uint64_t offset = 0;
    uint64_t size_bytes = 0;
    uint64_t ws_bytes = 0;
    uint64_t align = 1;
    int64_t row_multiple = 1;  // of a layout, and where it is packed from
    bool from_host = true;
    bool from_device = false;
  };
  // What load() adds, so that it can be taken back.
  struct Mark {
    size_t n_buffers, n_owners;
    uint64_t size_bytes, in_place_bytes;
    std::vector<Key> keys;
  };
  Result<Placement> measure(const WeightNeed& need) const;
  Status add(std::span<const WeightNeed> needs, std::vector<Key>& keys);
  void take_back(const Mark& mark);
  Status read_on_host(const WeightNeed& need);
  static bool may_stay(const WeightNeed& need);
  std::vector<WeightNeed> read_in_place(std::vector<WeightNeed> needs);
  Result<const Buffer*> import(std::span<const std::byte> bytes, uint64_t& offset);
  Status load_slab(std::span<Placement> placements);
  WeightUpload::Ring choose_ring(std::span<const Placement> placements, bool& pays) const;
  Status fill(std::span<const Placement> placements, const Buffer& slab);
  Status copy(const Placement& placement, const Buffer& slab, WeightUpload* upload);
  Status pack(const Placement& placement, const bp_span& target, const bp_span& workspace, WeightUpload* upload);

  SlabSource source_;
  Device* device_;
  Queue* queue_;
  WeightUpload::Limits limits_;
  std::map<Key, BufferSpan> spans_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::vector<std::shared_ptr<const void>>
      owners_;                          // of tensors that own their bytes: keys stay unique while they live
  std::map<std::string, bool> joined_;  // by kind of products
  uint64_t size_bytes_ = 0;
  uint64_t in_place_bytes_ = 0;
  uint64_t loading_bytes_ = 0;
};

}  // namespace bp
