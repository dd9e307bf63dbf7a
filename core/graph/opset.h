// The opset: every primitive op, its operands, attributes, what it mutates, and how its result's shape follows.
// docs/opset.md is generated from this table. The meaning of each op is its reference in core/reference.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace bp {

struct OperandDef {
  std::string_view name;
  std::string_view shape;  // "[.., K]", for docs and error messages
  bool optional = false;
  bool variadic = false;  // the last operand only
};

enum class AttrKind : uint8_t { kInt, kFloat, kString, kInts };
struct AttrDef {
  std::string_view key;
  AttrKind kind;
  bool required;
  double default_number;  // of an int or a float
  std::string_view doc;
};

struct ResultDef {
  std::string_view name;
  std::string_view shape;
  int updates = -1;  // index of the operand whose storage this result replaces
};

struct InferInput;  // see infer.h
struct OpDef {
  std::string_view name;  // "matmul"
  int version = 1;
  std::vector<OperandDef> operands;
  std::vector<ResultDef> results;
  std::vector<AttrDef> attrs;
  std::string_view doc;  // the formula, one to three sentences
  bool commutative = false;  // the first two operands may be swapped
  bool view = false;         // the result is the first operand's bytes under another shape: no work
  // Computes dtype and dims of each result (appended to out.results) or says what is wrong with the operands.
  Status (*infer)(InferInput& in) = nullptr;

  std::string full_name() const;  // "matmul@1"
};

std::span<const OpDef> opset();
// By "matmul" (version 1) or "matmul@1"; null where there is none.
const OpDef* find_op(std::string_view name);

}  // namespace bp
