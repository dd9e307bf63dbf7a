#include "graph.h"

#include <cuda_runtime_api.h>

#include <memory>
#include <new>

#include "device.h"
#include "error.h"
#include "queue.h"

struct bp_graph {
  bp_device* device = nullptr;
  cudaGraphExec_t exec = nullptr;
};

namespace bp::cuda {
namespace {

uint64_t free_bytes() {
  size_t free = 0, all = 0;
  return cudaMemGetInfo(&free, &all) == cudaSuccess ? free : 0;
}

bp_status graph_begin(bp_queue* queue, bp_err* err) noexcept {
  bp_status status = check(queue->device->use(), "cudaSetDevice", err);
  // Relaxed: other threads allocate and compile meanwhile.
  if (status == BP_OK)
    status = check(cudaStreamBeginCapture(queue->stream, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture", err);
  if (status == BP_OK) queue->capturing = true;
  return status;
}

void graph_abandon(bp_queue* queue) noexcept {
  if (!queue->capturing) return;
  queue->capturing = false;
  cudaGraph_t graph = nullptr;
  static_cast<void>(queue->device->use());
  static_cast<void>(cudaStreamEndCapture(queue->stream, &graph));
  if (graph != nullptr) static_cast<void>(cudaGraphDestroy(graph));
  static_cast<void>(cudaGetLastError());
}

bp_status graph_end(bp_queue* queue, bp_graph** out, uint64_t* bytes, bp_err* err) noexcept {
  queue->capturing = false;
  static_cast<void>(queue->device->use());
  cudaGraph_t captured = nullptr;
  bp_status status = check(cudaStreamEndCapture(queue->stream, &captured), "cudaStreamEndCapture", err);
  if (status != BP_OK) {
    if (captured != nullptr) static_cast<void>(cudaGraphDestroy(captured));
    return status;
  }
  std::unique_ptr<bp_graph> graph(new (std::nothrow) bp_graph);
  const uint64_t before = free_bytes();
  if (graph == nullptr) {
    status = plugin::set_error(err, BP_E_NOMEM, "the system has no more memory");
  } else {
    graph->device = queue->device;
    status = check(cudaGraphInstantiate(&graph->exec, captured, 0), "cudaGraphInstantiate", err);
  }
  static_cast<void>(cudaGraphDestroy(captured));
  if (status != BP_OK) return status;
  // What the first launch would take is taken now, and counted.
  status = check(cudaGraphUpload(graph->exec, queue->stream), "cudaGraphUpload", err);
  if (status == BP_OK) status = check(cudaStreamSynchronize(queue->stream), "cudaGraphUpload", err);
  if (status != BP_OK) {
    static_cast<void>(cudaGraphExecDestroy(graph->exec));
    return status;
  }
  const uint64_t after = free_bytes();
  *bytes = before > after ? before - after : 0;
  *out = graph.release();
  return BP_OK;
}

bp_status graph_launch(bp_graph* graph, const bp_launch* launch, bp_err* err) noexcept {
  if (launch->n_dyn != 0) return plugin::set_error(err, BP_E_INVALID, "graph launch: a graph has no extents");
  bp_status status = check(graph->device->use(), "cudaSetDevice", err);
  if (status == BP_OK) status = check(cudaGraphLaunch(graph->exec, launch->queue->stream), "cudaGraphLaunch", err);
  if (status == BP_OK && launch->queue->blame)
    status = check(cudaStreamSynchronize(launch->queue->stream), "graph launch", err, launch->tag);
  return status;
}

void graph_destroy(bp_graph* graph) noexcept {
  if (graph == nullptr) return;
  static_cast<void>(graph->device->use());
  static_cast<void>(cudaGraphExecDestroy(graph->exec));
  static_cast<void>(cudaGetLastError());
  delete graph;
}

}  // namespace

const bp_ext_graph kGraphApi = {sizeof(bp_ext_graph), 0, graph_begin, graph_end, graph_abandon, graph_launch,
                                graph_destroy};

}  // namespace bp::cuda
