#include "perf/workload.h"

#include <algorithm>

#include "graph/opset.h"

namespace bp {
namespace {

uint64_t elements(const HostTensor& tensor) {
  uint64_t n = 1;
  for (const int64_t dim : tensor.dims) n *= static_cast<uint64_t>(dim);
  return n;
}

}  // namespace

Workload workload_of(const Graph& graph) {
  Workload work;
  uint64_t largest = 0;
  for (const Node& node : graph.nodes) {
    if (node.op->name == "matmul") {
      const Value& w = graph.value(node.in[1]);
      if (w.host_tensor == kNone) continue;
      const HostTensor& tensor = graph.host_tensors[static_cast<size_t>(w.host_tensor)];
      const uint64_t n = elements(tensor);
      work.weight_bytes += tensor.bytes.size();
      (node.scope.starts_with("head") ? work.head_weights : work.body_weights) += n;
      if (n > largest && !node.scope.starts_with("head")) {
        largest = n;
        work.dtype = tensor.dtype;
      }
    } else if (node.op->name == "attention") {
      const Value& q = graph.value(node.in[0]);
      work.attention_width += static_cast<uint64_t>(q.dims[1].value * q.dims[2].value);
    }
  }
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    if (value.role != Role::kKv) continue;
    const auto columns = static_cast<uint64_t>(value.dims[1].value * value.dims[3].value);
    work.kv_bytes_per_token += row_bytes(value.dtype, columns).value_or(0);
  }
  return work;
}

double Workload::decode_tps(const DeviceLimits& limits, int batch, double context) const {
  const double bytes = static_cast<double>(weight_bytes) + batch * static_cast<double>(kv_bytes_per_token) * context;
  double seconds = bytes / limits.read_bytes_per_s;
  const double rate = limits.matrix_rate_for(dtype);
  if (rate > 0) seconds = std::max(seconds, batch * 2.0 * static_cast<double>(body_weights + head_weights) / rate);
  return batch / seconds;
}

double Workload::prefill_tps(const DeviceLimits& limits, int n_tokens, int depth) const {
  const double rate = limits.matrix_rate_for(dtype);
  const double context = depth + n_tokens / 2.0;
  const double per_token =
      2.0 * static_cast<double>(body_weights) + 4.0 * static_cast<double>(attention_width) * context;
  return n_tokens / ((per_token * n_tokens + 2.0 * static_cast<double>(head_weights)) / rate);
}

}  // namespace bp
