// Native graphs of a device (plugin.h, "graph/1"): launches of a queue, recorded once and run again as one.
// Thread-safety: that of the queue, whose thread records, launches and destroys. The device, the queue and everything
// that was launched while recording outlive a graph.
#pragma once

#include <backplane/plugin.h>

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "plugin_host/device.h"

namespace bp {

class DeviceGraph {
 public:
  // Device memory that the graph keeps.
  uint64_t size_bytes() const { return size_bytes_; }

  // Enqueues all its launches, with the extents they were recorded with. `tag` comes back in the error of a fault. The
  // error may be that of an earlier launch: `site` says so.
  Status launch(Queue& queue, uint64_t tag, FaultSite& site);

 private:
  friend class GraphRecording;
  struct Destroy {
    const bp_ext_graph* api;
    void operator()(bp_graph* graph) const { api->destroy(graph); }
  };
  DeviceGraph(std::unique_ptr<bp_graph, Destroy> graph, uint64_t size_bytes, DeviceFault* fault)
      : graph_(std::move(graph)), size_bytes_(size_bytes), fault_(fault) {}

  std::unique_ptr<bp_graph, Destroy> graph_;
  uint64_t size_bytes_ = 0;
  DeviceFault* fault_ = nullptr;
};

// While it lives, launches on the queue are recorded and run nothing. Dropped without end(), so is what was recorded.
class GraphRecording {
 public:
  // kUnsupported where the device has no graphs. After an error nothing is being recorded.
  static Result<GraphRecording> begin(Device& device, Queue& queue);
  GraphRecording(GraphRecording&& other) noexcept
      : api_(other.api_), queue_(std::exchange(other.queue_, nullptr)), fault_(other.fault_) {}
  GraphRecording& operator=(GraphRecording&&) = delete;
  ~GraphRecording();

  // Call it once, last.
  Result<DeviceGraph> end();

 private:
  GraphRecording(const bp_ext_graph* api, bp_queue* queue, DeviceFault* fault)
      : api_(api), queue_(queue), fault_(fault) {}

  const bp_ext_graph* api_;
  bp_queue* queue_;  // null: ended
  DeviceFault* fault_;
};

// The device's table of graphs, null where it has none or a function is missing.
const bp_ext_graph* graph_extension(const Device& device);

}  // namespace bp
