#include "graph/infer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace bp {
namespace {

bool is_small(DType dtype) {
  return dtype == DType::kI8 || dtype == DType::kU8 ||
         (dtype >= DType::kFp8E4M3 && dtype <= DType::kFp4E2M1 && dtype != DType::kE8M0);
}

bool is_kv(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kI8 ||
         dtype == DType::kFp8E4M3 || dtype == DType::kFp8E5M2;
}

Status check_types(const Inference& call) {
  for (size_t i = 0; i < call.in.size(); ++i) {
    if (!call.has(i)) continue;
    const OperandDef& def = call.op.operands[std::min(i, call.op.operands.size() - 1)];
    const DType dtype = call.operand(i).dtype;
    if (accepts(def.type, dtype)) continue;
    return call.error(fmt::format("{} is {}, not {}", call.show(i), dtype_name(dtype), type_rule_text(def.type)),
                      "cast it, or choose another op");
  }
  return {};
}

Status make_results(Inference& call) {
  for (const ResultDef& def : call.op.results) {
    if (def.optional && !call.has(static_cast<size_t>(def.updates))) continue;
    ResultType result;
    result.dtype =
        def.dtype != DType::kInvalid ? def.dtype : call.operand(static_cast<size_t>(std::max(def.updates, 0))).dtype;
    BP_TRY(result.dims, result_dims(call, def));
    call.out.push_back(std::move(result));
  }
  return {};
}

// A value no machine could address is refused here, so that sizes can be multiplied freely afterwards.
Status check_results(const Inference& call) {
  constexpr int64_t kMaxElements = int64_t{1} << 56;
  for (const ResultType& result : call.out) {
    const auto count = max_elements(call.graph, result.dims);
    if (!count || *count > kMaxElements || result.dims.size() > kMaxRank) {
      return call.error(fmt::format("its result {} has too many elements or dims", dims_text(call.graph, result.dims)),
                        "check the sizes in the model's configuration");
    }
  }
  return {};
}

const AttrDef* find_attr(const OpDef& op, std::string_view key) {
  const auto it = std::find_if(op.attrs.begin(), op.attrs.end(), [&](const AttrDef& a) { return a.key == key; });
  return it == op.attrs.end() ? nullptr : &*it;
}

AttrValue default_value(const AttrDef& def) {
  switch (def.kind) {
    case AttrKind::kInt:
      return static_cast<int64_t>(def.default_number);
    case AttrKind::kFloat:
      return def.default_number;
    case AttrKind::kString:
      return std::string();
    case AttrKind::kInts:
      return std::vector<int64_t>();
  }
  return int64_t{0};
}

bool has_kind(const AttrValue& value, AttrKind kind) {
  switch (kind) {
    case AttrKind::kInt:
      return std::holds_alternative<int64_t>(value);
    case AttrKind::kFloat:
      return std::holds_alternative<double>(value);
    case AttrKind::kString:
      return std::holds_alternative<std::string>(value);
    case AttrKind::kInts:
      return std::holds_alternative<std::vector<int64_t>>(value);
  }
  return false;
}

Result<Attr> take_attr(const AttrDef& def, std::vector<Attr>& given, const std::string& where) {
  const auto it = std::find_if(given.begin(), given.end(), [&](const Attr& a) { return a.key == def.key; });
  if (it == given.end()) {
    if (!def.required) return Attr{std::string(def.key), default_value(def)};
    return fail(ErrorCode::kFailed, where, fmt::format("attribute {} is missing", def.key), "give it");
  }
  Attr attr = std::move(*it);
  given.erase(it);
  if (def.kind == AttrKind::kFloat && std::holds_alternative<int64_t>(attr.value)) {
    attr.value = static_cast<double>(std::get<int64_t>(attr.value));
  }
  if (!has_kind(attr.value, def.kind)) {
    return fail(ErrorCode::kFailed, where, fmt::format("attribute {} has the wrong kind", def.key),
                "see docs/opset.md");
  }
  return attr;
}

}  // namespace

bool accepts(TypeRule rule, DType dtype) {
  switch (rule) {
    case TypeRule::kFloat:
      return is_float(dtype);
    case TypeRule::kNumber:
      return is_float(dtype) || dtype == DType::kI32 || dtype == DType::kI64;
    case TypeRule::kDecodable:
      return is_float(dtype) || is_small(dtype) || dtype >= DType::kQ4_0;
    case TypeRule::kKv:
      return is_kv(dtype);
    case TypeRule::kScale:
      return is_float(dtype) || dtype == DType::kE8M0;
    case TypeRule::kI32:
      return dtype == DType::kI32;
    case TypeRule::kI64:
      return dtype == DType::kI64;
    case TypeRule::kF32:
      return dtype == DType::kF32;
    case TypeRule::kBool:
      return dtype == DType::kBool;
    case TypeRule::kAny:
      return dtype != DType::kInvalid;
  }
  return false;
}

std::string_view type_rule_text(TypeRule rule) {
  switch (rule) {
    case TypeRule::kFloat:
      return "float";
    case TypeRule::kNumber:
      return "float or i32, i64";
    case TypeRule::kDecodable:
      return "decodable";
    case TypeRule::kKv:
      return "a KV dtype";
    case TypeRule::kScale:
      return "float or e8m0";
    case TypeRule::kI32:
      return "i32";
    case TypeRule::kI64:
      return "i64";
    case TypeRule::kF32:
      return "f32";
    case TypeRule::kBool:
      return "bool";
    case TypeRule::kAny:
      return "any";
  }
  return "";
}

const Affine* Inference::bound(std::string_view name) const {
  const auto it = names.find(name);
  return it == names.end() ? nullptr : &it->second.size;
}

Extent Inference::dim(std::string_view name) const {
  const Affine* size = bound(name);
  BP_CHECK(size != nullptr, "{}: no size {}", op.name, name);
  const auto extent = to_extent(graph, *size);
  BP_CHECK(extent.has_value(), "{}: size {} has no symbol", op.name, name);
  return *extent;
}

int64_t Inference::attr_int(std::string_view key) const {
  for (const Attr& attr : attrs) {
    if (attr.key == key) return std::get<int64_t>(attr.value);
  }
  BP_CHECK(false, "{} has no attribute {}", op.name, key);
}

const std::vector<int64_t>& Inference::attr_ints(std::string_view key) const {
  for (const Attr& attr : attrs) {
    if (attr.key == key) return std::get<std::vector<int64_t>>(attr.value);
  }
  BP_CHECK(false, "{} has no attribute {}", op.name, key);
}

DType Inference::attr_dtype(std::string_view key) const {
  return dtype_of_number(attr_int(key)).value_or(DType::kInvalid);
}

std::string Inference::show(size_t index) const {
  const OperandDef& def = op.operands[std::min(index, op.operands.size() - 1)];
  return fmt::format("{} {}", def.name, dims_text(graph, operand(index).dims));
}

std::unexpected<Error> Inference::error(std::string what, std::string fix) const {
  return fail(ErrorCode::kFailed, where, std::move(what), std::move(fix));
}

Status infer(Inference& call) {
  BP_TRY_VOID(check_types(call));
  BP_TRY_VOID(match_shapes(call));
  if (call.op.infer != nullptr) BP_TRY_VOID(call.op.infer(call));
  if (call.out.empty()) BP_TRY_VOID(make_results(call));
  return check_results(call);
}

Result<std::vector<Attr>> complete_attrs(const OpDef& op, std::vector<Attr> given, const std::string& where) {
  std::vector<Attr> out;
  for (const AttrDef& def : op.attrs) {
    BP_TRY(Attr attr, take_attr(def, given, where));
    out.push_back(std::move(attr));
  }
  if (given.empty()) return out;
  const std::string_view problem = find_attr(op, given.front().key) == nullptr ? "is unknown" : "is given twice";
  return fail(ErrorCode::kFailed, where, fmt::format("attribute {} {}", given.front().key, problem),
              "see docs/opset.md");
}

Inference inference_of(const Graph& graph, const Node& node) {
  Inference call{graph, *node.op, {}, node.attrs, {}, {}, {}, {}, -1};
  call.where = fmt::format("graph {}: {}{}{}", graph.name, node.scope, node.scope.empty() ? "" : " ", node.op->name);
  for (const ValueId id : node.in) call.in.push_back(id == kNone ? nullptr : &graph.value(id));
  if (call.in.size() < node.op->operands.size()) call.in.resize(node.op->operands.size(), nullptr);
  return call;
}

}  // namespace bp
