// The making of one PatternProblem: values for each operand, op by op. Private to pattern_problem.cpp.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/extent.h"
#include "pattern_problem.h"

namespace bp::conformance {

class PatternMaker {
 public:
  PatternMaker(const PatternProblem& maker, Problem& problem, const PatternChoice& choice)
      : maker_(maker), problem_(problem), choice_(choice) {}

  bool make();

 private:
  using Dims = std::vector<Extent>;
  bool make_op(size_t at);
  ValueId resolved(const Pattern::Ref& ref) const;
  // Binds the names of an operand's shape to what it has.
  void bind(std::string_view shape, const Dims& dims);
  Dims dims_of(std::string_view op, const OperandDef& operand);
  Extent extent_of(std::string_view op, std::string token);
  Extent fallback(std::string_view op, const std::string& name);
  Dims any_dims(std::string_view op) const;
  ValueId make_operand(const OpDef& op, const OperandDef& operand, size_t slot);
  DType dtype_of(const OperandDef& operand, const std::string& slot) const;
  std::vector<Attr> attrs_of(size_t at);
  bool given(std::string_view op, std::string_view key, Attr& attr, AttrKind kind) const;
  std::vector<int64_t> reshape_dims(size_t at) const;
  Extent rows();
  void set_tolerance();

  const PatternProblem& maker_;
  Problem& problem_;
  const PatternChoice choice_;
  std::map<size_t, ValueId> variables_;        // by slot
  std::vector<std::vector<ValueId>> results_;  // by op of the pattern
  std::map<std::string, Extent> names_;        // of the op that is being made
  Dims rest_;                                  // what ".." stands for in it
  bool has_rest_ = false;
  Dims like_;  // dims of its first operand that is known
  DType like_dtype_ = DType::kInvalid;
  DType product_dtype_ = DType::kInvalid, kv_dtype_ = DType::kInvalid, written_dtype_ = DType::kInvalid;
};

// The content of an operand (op, operand: `place`) of integers or bools by what it means, and of parameters that are no
// plain activations. Empty: random floats do.
Problem::Fill operand_fill(const Graph& graph, const std::pair<std::string_view, std::string_view>& place, DType dtype,
                           std::span<const Extent> dims);

}  // namespace bp::conformance
