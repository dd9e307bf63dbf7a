// Random weights to time kernels with before a model is loaded. Not thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace bp {

// As many bytes as the tensor has, valid in its type: values as trained matrices have them (N(0, 1 / columns)), around
// 1 for vectors; a tile of them, again and again. Empty for integers, which are indices, and for what was computed when
// the graph was made: those are to be taken as they are.
std::vector<std::byte> stand_in_bytes(const HostTensor& tensor);

// Stand-ins of one model's weights, the same ones in each of its graphs. Tensors of one type and shape share as many as
// exceed caches, in turn, so that no two that are read one after another are the same.
class StandIns {
 public:
  // Gives the weights of `graph` other bytes, which the graph keeps alive.
  void replace(Graph& graph);

 private:
  using Bytes = std::shared_ptr<const std::vector<std::byte>>;
  struct Shape {
    std::vector<Bytes> copies;
    size_t n_given = 0;
  };
  Bytes next(const HostTensor& tensor);
  void replace(HostTensor& tensor);

  std::map<std::pair<DType, std::vector<int64_t>>, Shape> shapes_;
  std::map<const std::byte*, Bytes> given_;  // by the tensor's own bytes
};

}  // namespace bp
