// Builds a Graph op by op, inferring every shape. The first error sticks: later calls return values without meaning,
// and finish() returns that error. So model code needs no check after each line. Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace bp {

struct ResultType;  // infer.h

class GraphBuilder {
 public:
  explicit GraphBuilder(std::string name);

  // A dynamic size within [min, max].
  SymbolId symbol(std::string name, int64_t min, int64_t max, int64_t multiple_of = 1);
  // size = mul * size(base) + add.
  SymbolId derived_symbol(std::string name, SymbolId base, int64_t mul, int64_t add);

  ValueId input(std::string name, DType dtype, std::vector<Extent> dims, Role role);
  // A constant; dims and dtype are the tensor's. The same tensor name twice gives the same value.
  // Its bytes may be empty (a graph without data), else they are exactly the tensor's.
  ValueId weight(HostTensor tensor);

  // Any op by name. Operands kNone are absent. Returns the first result; results() has the others of the last op.
  ValueId op(std::string_view name, std::vector<ValueId> operands, std::vector<Attr> attrs = {});
  const std::vector<ValueId>& results() const { return results_; }

  // Names that the nodes made until the Scope ends carry: builder.push_scope("blk.0"); … pop_scope().
  void push_scope(std::string_view name);
  void pop_scope();
  void name(ValueId value, std::string name);
  void output(ValueId value, std::string name);

  // Shapes of what was built so far.
  const Graph& graph() const { return graph_; }
  bool failed() const { return !status_.has_value(); }

  // Verifies and hands the graph over. The builder is empty afterwards.
  Result<Graph> finish();

  // Shorthands of the ops that models are made of; operands and attributes as in docs/opset.md.
  ValueId add(ValueId a, ValueId b);
  ValueId mul(ValueId a, ValueId b);
  ValueId scale(ValueId x, double mul, double add = 0);
  ValueId silu(ValueId x);
  ValueId gelu(ValueId x, bool tanh_approximation);
  ValueId matmul(ValueId x, ValueId w);
  ValueId rms_norm(ValueId x, ValueId w, double eps);
  ValueId layer_norm(ValueId x, ValueId w, ValueId b, double eps);
  ValueId gather_rows(ValueId table, ValueId rows);
  // dims: kNone in `symbol` and value -1 is inferred from the rest. Extents become codes (encode_extent in extent.h),
  // as they do in the `dims` of broadcast and the `n_rows` of kv_gather.
  ValueId reshape(ValueId x, std::vector<Extent> dims);

 private:
  bool check(Status status);  // keeps the first error; true where there is none, now or before
  Status check_symbol(const std::string& name, const Symbol& symbol) const;
  SymbolId add_symbol(Symbol symbol);
  Status check_value(const Value& value) const;
  ValueId add_value(Value value);
  Result<Node> make_node(std::string_view name, std::vector<ValueId> operands, std::vector<Attr> attrs) const;
  Status add_node(Node node);
  void add_results(Node& node, std::vector<ResultType> types);

  Graph graph_;
  Status status_;
  std::unordered_map<std::string, ValueId> weights_;  // by tensor name
  std::vector<ValueId> results_;
  std::vector<std::string> scopes_;
};

}  // namespace bp
