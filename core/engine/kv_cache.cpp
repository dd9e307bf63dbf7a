#include "engine/kv_cache.h"

#include <algorithm>

#include "compile/storage.h"

namespace bp {
namespace {

constexpr uint64_t kAlign = 64;

}  // namespace

Result<uint64_t> KvCache::page_bytes(const Graph& graph) {
  uint64_t total = 0;
  for (const ValueId id : graph.inputs) {
    if (graph.value(id).role != Role::kKv) continue;
    BP_TRY(const uint64_t bytes, Storage::size_bytes(graph, graph.value(id)));
    total += bytes;
  }
  return total;
}

Status KvCache::create(const SlabSource& source, const Graph& graph, int n_pages, Bindings& bindings) {
  uint64_t total = 0;
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    if (value.role != Role::kKv) continue;
    BP_TRY(const uint64_t bytes, Storage::size_bytes(graph, value));
    bindings[value.name] = {nullptr, total, bytes};
    total += (bytes + kAlign - 1) / kAlign * kAlign;
  }
  BP_TRY(slab_, source.create(std::max(total, kAlign), "kv"));
  n_pages_ = n_pages;
  for (const ValueId id : graph.inputs) {
    if (graph.value(id).role == Role::kKv) bindings[graph.value(id).name].buffer = &*slab_;
  }
  return {};
}

}  // namespace bp
