// The memory of the paged KV cache: for every layer one buffer of keys and one of values, indexed by page id.
// The pages are handed out by kv/page_allocator.h; this only holds their bytes.
#pragma once

#include <optional>

#include "compile/program.h"
#include "graph/graph.h"

namespace bp {

class KvCache {
 public:
  // Bytes of one page over all KV inputs of a graph built with one page.
  static Result<uint64_t> page_bytes(const Graph& graph_of_one_page);

  // Allocates `n_pages` for every KV input of `graph`, and adds them to `bindings`.
  Status create(const SlabSource& source, const Graph& graph, int n_pages, Bindings& bindings);

  int n_pages() const { return n_pages_; }
  uint64_t size_bytes() const { return slab_.has_value() ? slab_->size_bytes() : 0; }

 private:
  std::optional<Buffer> slab_;
  int n_pages_ = 0;
};

}  // namespace bp
