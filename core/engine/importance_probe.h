// Lets an engine watch what goes into its matrix products: the graph gains an output for each input of a product with a
// weight, holding its squares, and for experts one with their numbers; after each step these are added to an importance
// matrix. Not thread-safe: the engine thread's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "compile/buffer.h"
#include "compile/program.h"
#include "engine/device_programs.h"
#include "graph/graph.h"
#include "model/importance.h"

namespace bp {

class ImportanceProbe {
 public:
  // The products of `graph` whose second operand is a weight; the first graph decides, later ones of other sizes have
  // the same. REQUIRES: activations are f32.
  Status add_outputs(Graph& graph);
  // Memory for the outputs of the largest graph, bound by name.
  Status bind(const SlabSource& source, const Graph& graph, Bindings& bindings);
  // After a run of a graph with these sizes by symbol.
  Status collect(const Graph& graph, std::span<const int64_t> sizes, DevicePrograms& programs);

  uint64_t size_bytes() const;
  const ImportanceMatrix& matrix() const { return matrix_; }

 private:
  struct Output {
    std::string name;  // of the value in the graph
    std::optional<Buffer> buffer;
    std::vector<float> rows;  // of the last step
  };
  struct Product {
    std::string weight;
    size_t squares;                // output
    std::optional<size_t> chosen;  // output: the matrix of each slot (matmul_indexed)
    std::optional<size_t> bounds;  // output: where each matrix's rows begin (matmul_grouped)
    bool batched = false;          // the last dim but one counts matrices
    int64_t n_matrices = 1, n_columns = 0;
  };

  size_t output_of(Graph& graph, std::map<ValueId, size_t>& made, ValueId value);
  Status read(Output& output, const Graph& graph, std::span<const int64_t> sizes, DevicePrograms& programs);
  void add(const Product& product);
  void add_row(Importance& importance, int64_t matrix, const float* squares, int64_t n_columns);

  std::vector<Output> outputs_;
  std::vector<Product> products_;
  ImportanceMatrix matrix_;
};

}  // namespace bp
