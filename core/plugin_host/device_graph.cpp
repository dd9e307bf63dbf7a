#include "plugin_host/device_graph.h"

#include <fmt/format.h>

#include "base/log.h"

namespace bp {

const bp_ext_graph* graph_extension(const Device& device) {
  const auto* api = static_cast<const bp_ext_graph*>(device.extension("graph/1"));
  if (api == nullptr) return nullptr;
  const bool whole = BP_HAS(bp_ext_graph, api, begin) && BP_HAS(bp_ext_graph, api, end) &&
                     BP_HAS(bp_ext_graph, api, abandon) && BP_HAS(bp_ext_graph, api, launch) &&
                     BP_HAS(bp_ext_graph, api, destroy);
  if (!whole) log::debug("{}: its table graph/1 lacks a function; steps are not captured", device.info().id);
  return whole ? api : nullptr;
}

Status DeviceGraph::launch(Queue& queue, uint64_t tag, FaultSite& site) {
  const bp_launch args{sizeof(bp_launch), 0, queue.handle(), nullptr, tag};
  return fault_->call("graph launch", queue.handle(), [&](bp_err* err) {
    const bp_status status = graph_.get_deleter().api->launch(graph_.get(), &args, err);
    if (status != BP_OK) site = {scope_of(status, *err), err->launch_tag};
    return status;
  });
}

Result<GraphRecording> GraphRecording::begin(Device& device, Queue& queue) {
  const bp_ext_graph* api = graph_extension(device);
  if (api == nullptr) return fail(ErrorCode::kUnsupported, device.info().id, "has no native graphs (graph/1)");
  BP_TRY_VOID(
      device.fault().call("graph begin", queue.handle(), [&](bp_err* err) { return api->begin(queue.handle(), err); }));
  return GraphRecording(api, queue.handle(), &device.fault());
}

GraphRecording::~GraphRecording() {
  if (queue_ != nullptr) api_->abandon(queue_);
}

Result<DeviceGraph> GraphRecording::end() {
  bp_queue* queue = std::exchange(queue_, nullptr);  // a failing end() drops what was recorded
  bp_graph* graph = nullptr;
  uint64_t size_bytes = 0;
  BP_TRY_VOID(
      fault_->call("graph end", queue, [&](bp_err* err) { return api_->end(queue, &graph, &size_bytes, err); }));
  if (graph == nullptr) return std::unexpected(fault_->broken("graph end", "gave no graph"));
  if (size_bytes > kAbsurdBytes) {
    api_->destroy(graph);
    return std::unexpected(fault_->broken("graph end", fmt::format("says that it keeps {} bytes", size_bytes)));
  }
  return DeviceGraph({graph, DeviceGraph::Destroy{api_}}, size_bytes, fault_);
}

}  // namespace bp
