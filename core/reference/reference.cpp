#include "reference/reference.h"

#include <fmt/format.h>

#include <algorithm>

#include "reference/call.h"

namespace bp {
namespace {

struct Row {
  std::string_view op;
  RefFunction function;
};

constexpr Row kRows[] = {
    {"neg", ref_unary},
    {"abs", ref_unary},
    {"exp", ref_unary},
    {"log", ref_unary},
    {"sqrt", ref_unary},
    {"rsqrt", ref_unary},
    {"sin", ref_unary},
    {"cos", ref_unary},
    {"tanh", ref_unary},
    {"sigmoid", ref_unary},
    {"silu", ref_unary},
    {"relu", ref_unary},
    {"softplus", ref_unary},
    {"gelu", ref_unary},
    {"logical_not", ref_unary},
    {"scale", ref_scale},
    {"clamp", ref_clamp},
    {"cast", ref_cast},
    {"add", ref_binary},
    {"sub", ref_binary},
    {"mul", ref_binary},
    {"div", ref_binary},
    {"min", ref_binary},
    {"max", ref_binary},
    {"pow", ref_binary},
    {"lt", ref_binary},
    {"le", ref_binary},
    {"eq", ref_binary},
    {"logical_and", ref_binary},
    {"logical_or", ref_binary},
    {"where", ref_where},
    {"reduce_sum", ref_reduce},
    {"reduce_mean", ref_reduce},
    {"reduce_max", ref_reduce},
    {"argmax", ref_argmax},
    {"cumsum", ref_cumsum},
    {"softmax", ref_softmax},
    {"log_softmax", ref_softmax},
    {"topk", ref_topk},
    {"rms_norm", ref_rms_norm},
    {"layer_norm", ref_layer_norm},
    {"reshape", ref_copy},
    {"transpose", ref_transpose},
    {"slice", ref_slice},
    {"concat", ref_concat},
    {"broadcast", ref_broadcast},
    {"iota", ref_iota},
    {"gather_rows", ref_gather_rows},
    {"scatter_rows", ref_scatter_rows},
    {"gather_last", ref_gather_last},
    {"scatter_last", ref_scatter_last},
    {"matmul", ref_matmul},
    {"matmul_batched", ref_matmul_batched},
    {"matmul_indexed", ref_matmul_indexed},
    {"expert_sort", ref_expert_sort},
    {"matmul_grouped", ref_matmul_grouped},
    {"moe_combine", ref_moe_combine},
    {"dequant", ref_dequant},
    {"quantize", ref_quantize},
    {"rope", ref_rope},
    {"kv_write", ref_kv_write},
    {"kv_gather", ref_kv_gather},
    {"attention", ref_attention},
    {"attention_ragged", ref_attention_ragged},
    {"segment_mean", ref_segment_mean},
    {"sample", ref_sample},
    {"verify_draft", ref_verify_draft},
    {"coll.all_reduce", ref_collective},
    {"coll.all_gather", ref_collective},
    {"coll.reduce_scatter", ref_collective},
    {"coll.all_to_all", ref_collective},
};

RefFunction find_reference(const OpDef& op) {
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.op == op.name; });
  return op.version == 1 && row != std::end(kRows) ? row->function : nullptr;
}

std::unexpected<Error> unsupported(const OpDef& op, DType dtype, std::string_view verb) {
  return fail(ErrorCode::kUnsupported, fmt::format("reference {}", op.name),
              fmt::format("cannot {} {}", verb, dtype_name(dtype)), "use another weight format");
}

}  // namespace

bool has_reference(const OpDef& op) { return find_reference(op) != nullptr; }

Status run_reference(const OpDef& op, std::span<const Attr> attrs, std::span<const RefTensor> in,
                     std::span<RefTensor> out) {
  const RefFunction function = find_reference(op);
  if (function == nullptr) {
    return fail(ErrorCode::kUnsupported, fmt::format("reference {}", op.full_name()), "there is none");
  }
  const RefCall call{op, attrs, in, out};
  for (size_t i = 0; i < std::max(in.size(), op.operands.size()); ++i) {
    const OperandDef& def = op.operands[std::min(i, op.operands.size() - 1)];
    if (!call.has(i)) {
      if (def.optional) continue;
      return call.error(fmt::format("operand {} is missing", def.name));
    }
    if (!op.view && !is_readable(in[i].dtype)) return unsupported(op, in[i].dtype, "read");
  }
  for (const RefTensor& result : out) {
    const bool moves_bytes = !in.empty() && result.dtype == in[0].dtype;
    if (!moves_bytes && !is_writable(result.dtype)) return unsupported(op, result.dtype, "write");
  }
  return function(call);
}

}  // namespace bp
