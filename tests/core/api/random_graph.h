// Random graphs for the compiler: what its passes look for, and what is almost that. Not thread-safe.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "api/tensor_state.h"
#include "graph/graph.h"

namespace bp {

// Constants that the graphs share, as the programs of a model do. Matrices [kWidth, kWidth] of several dtypes, some as
// bytes with scales, and vectors [kWidth].
struct RandomConstants {
  explicit RandomConstants(unsigned seed);

  struct Scaled {
    HostTensor bytes, scales;
  };
  std::vector<HostTensor> matrices, vectors;
  std::vector<Scaled> scaled;  // empty: none are used

  RandomConstants plain() const;  // those of f32 alone
};

// Of inputs "a" and "b" f32 [n, kWidth], and "unused", with n from `least` to `most`: `n_nodes` nodes or a few more,
// each of recent or of any values: values read twice, outputs in the middle of patterns, constants of constants,
// products of one input. The same seed gives the same nodes whatever the sizes are.
constexpr int64_t kRandomWidth = 16;
struct RandomGraph {
  Graph graph;
  bool rounds = false;  // numbers are rounded or compared: where rounding differs, results may differ much
};
Result<RandomGraph> random_graph(const RandomConstants& constants, unsigned seed, int64_t least, int64_t most);

}  // namespace bp
