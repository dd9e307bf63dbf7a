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

// Which dtypes an operand may have.
enum class TypeRule : uint8_t {
  kFloat,      // f32 f16 bf16 f64
  kNumber,     // kFloat, i32, i64
  kDecodable,  // kFloat, 4- and 8-bit types and block formats: read as float32
  kKv,         // f32 f16 bf16, or i8 fp8_e4m3 fp8_e5m2 with scales
  kScale,      // kFloat or e8m0
  kI32,
  kI64,
  kF32,
  kBool,
  kAny,
};
std::string_view type_rule_text(TypeRule rule);

// Shapes are written "[T, H, D]" or "[R, ..]": equal names are equal extents, ".." is any number of dims, "S+1", "T*k"
// and "K/block" (rounded up) are computed from names and integer attributes; "… or …" are alternatives of different
// rank. Text without brackets is for people: the op's own infer function checks that operand.
struct OperandDef {
  std::string_view name;
  std::string_view shape;
  TypeRule type = TypeRule::kFloat;
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
  std::string_view shape;         // as of operands; without brackets: infer computes it
  DType dtype = DType::kInvalid;  // kInvalid: that of operand 0, or what infer says
  int updates = -1;               // index of the operand whose storage this result replaces
  bool optional = false;          // made only where that operand is there (the last result only)
};

struct Inference;  // see infer.h
struct OpDef {
  std::string_view name;  // "matmul"
  int version = 1;
  std::vector<OperandDef> operands = {};
  std::vector<ResultDef> results = {};
  std::vector<AttrDef> attrs = {};
  std::string_view doc = {};  // the formula, one to three sentences
  bool commutative = false;   // the first two operands may be swapped
  bool view = false;          // the result is the first operand's bytes under another shape: no work
  // What shapes and dtype rules cannot say: checks, names bound from attributes, or all results. May be null. See
  // infer.h.
  Status (*infer)(Inference& call) = nullptr;

  std::string full_name() const;  // "matmul@1"
};

std::span<const OpDef> opset();
// Of all of them, "matmul@1".
std::vector<std::string> op_names();
// By "matmul" (version 1) or "matmul@1"; null where there is none.
const OpDef* find_op(std::string_view name);

}  // namespace bp
