#include "graph/opset_markdown.h"

#include <fmt/format.h>

namespace bp {
namespace {

constexpr std::string_view kHead = R"(# Opset v1

This page is written from the tables in `core/graph/opset_*.cpp`; the test `graph.OpsetDocs.AreUpToDate`, run with
`UPDATE_DOCS=1`, rewrites it. What an op means is its reference in `core/reference`.

## How to read it
- Shapes are row-major. Equal names are equal extents, `..` is any number of dims, `S+1`, `T*k`, `K/block_k` (rounded up) are
  computed. An operand marked `?` may be absent. Tensors have at most 6 dims.
- *float* is f32, f16, bf16, f64. *decodable* adds i4 u4 i8 u8 fp8_e4m3 fp8_e5m2 fp4_e2m1 and the block formats of GGUF, read
  as float32. A *KV dtype* is f32, f16, bf16, or i8, fp8_e4m3, fp8_e5m2 with scales.
- A result has the dtype of the first operand unless one is given. Arithmetic is float32; integers wrap.
- `updates x`: the result takes the place of operand x, whose old content nobody reads afterwards. A *view* is its first
  operand's bytes under another shape. A *commutative* op matches patterns either way round.
- An extent in an attribute (`dims`, `n_rows`) is a size, or `-2 - symbol`.
- T rows of the batch, S sequences, P pages, H query heads, Hk KV heads, D head size, page tokens in a page.
)";

std::string operand_text(const OperandDef& def) {
  return fmt::format("| `{}`{}{} | {} | {} |\n", def.name, def.optional ? " ?" : "", def.variadic ? " …" : "",
                     def.shape, type_rule_text(def.type));
}

std::string result_text(const OpDef& op, const ResultDef& def) {
  std::string dtype = def.dtype == DType::kInvalid ? "" : std::string(dtype_name(def.dtype));
  if (def.updates >= 0) dtype += fmt::format("updates {}", op.operands[static_cast<size_t>(def.updates)].name);
  if (def.optional) dtype += ", where that is there";
  return fmt::format("| → `{}` | {} | {} |\n", def.name, def.shape, dtype);
}

std::string attr_text(const AttrDef& def) {
  constexpr std::string_view kKinds[] = {"int", "float", "string", "ints"};
  std::string value;
  if (!def.required && def.kind != AttrKind::kString) value = fmt::format(" = {}", def.default_number);
  return fmt::format("- `{}` {}{}{}: {}\n", def.key, kKinds[static_cast<size_t>(def.kind)], value,
                     def.required ? ", required" : "", def.doc);
}

std::string op_text(const OpDef& op) {
  std::string out = fmt::format("\n## {}\n{}{}{}\n\n| | shape | dtype |\n|---|---|---|\n", op.full_name(), op.doc,
                                op.commutative ? " *Commutative.*" : "", op.view ? " *View.*" : "");
  for (const OperandDef& def : op.operands) out += operand_text(def);
  for (const ResultDef& def : op.results) out += result_text(op, def);
  if (!op.attrs.empty()) out += "\n";
  for (const AttrDef& def : op.attrs) out += attr_text(def);
  return out;
}

}  // namespace

std::string markdown(std::span<const OpDef> ops) {
  std::string out(kHead);
  for (const OpDef& op : ops) out += op_text(op);
  return out;
}

}  // namespace bp
