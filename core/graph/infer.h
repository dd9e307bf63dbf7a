// Shape inference of one node: operands and attributes in, dtype and dims of each result out, or what is wrong with
// them. Not thread-safe: one Inference per call.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/extent.h"
#include "graph/opset.h"

namespace bp {

struct ResultType {
  DType dtype = DType::kInvalid;
  std::vector<Extent> dims;
};

// The call of an op. Invariant: `in` has an entry for each operand of the op (more with a variadic one), null where
// absent.
struct Inference {
  const Graph& graph;
  const OpDef& op;
  std::vector<const Value*> in;
  std::span<const Attr> attrs;  // complete, in the op's order
  std::string where;            // "graph llama: blk.0.attn matmul"
  std::vector<ResultType> out;

  // A name of the shapes, bound while operands are matched; or an integer attribute.
  const Affine* bound(std::string_view name) const;
  // REQUIRES: bound, and expressible as an extent.
  Extent dim(std::string_view name) const;
  void bind(std::string name, const Affine& size) { names[std::move(name)] = {size, -1}; }

  bool has(size_t operand) const { return operand < in.size() && in[operand] != nullptr; }
  const Value& operand(size_t index) const { return *in[index]; }
  int64_t attr_int(std::string_view key) const;
  const std::vector<int64_t>& attr_ints(std::string_view key) const;
  DType attr_dtype(std::string_view key) const;  // kInvalid: no such dtype, or none given
  std::string show(size_t operand) const;        // "x [n_tokens, 64]"
  std::unexpected<Error> error(std::string what, std::string fix = {}) const;

  struct Bound {
    Affine size;
    int operand = -1;  // who bound it; -1: infer
  };
  std::map<std::string, Bound, std::less<>> names;
  std::vector<Extent> rest;  // what ".." stands for
  int rest_operand = -1;
};

// Checks dtypes and shapes against the op's definition and fills call.out.
Status infer(Inference& call);

// The two halves over shape texts (infer_shape.cpp).
Status match_shapes(Inference& call);
Result<std::vector<Extent>> result_dims(const Inference& call, const ResultDef& result);

bool accepts(TypeRule rule, DType dtype);
// Makes attributes complete and ordered as the op defines them: defaults in, whole numbers to floats where a float is
// due.
Result<std::vector<Attr>> complete_attrs(const OpDef& op, std::vector<Attr> given, const std::string& where);
// Builds the call of a node of `graph`. REQUIRES: operand ids are valid and no more than the op has.
Inference inference_of(const Graph& graph, const Node& node);

}  // namespace bp
