#include <backplane/api/ops.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "api/raise.h"
#include "api/scope.h"
#include "api/session_state.h"
#include "api/trace.h"
#include "graph/extent.h"
#include "graph/infer.h"
#include "graph/opset.h"

namespace bp::api {

std::vector<std::string>& scopes() {
  thread_local std::vector<std::string> open;
  return open;
}

std::string scope_text() {
  std::string out;
  for (const std::string& scope : scopes()) {
    if (!scope.empty()) out += (out.empty() ? "" : ".") + scope;
  }
  return out;
}

Scope::Scope(std::string_view name) { scopes().emplace_back(name); }
Scope::~Scope() { scopes().pop_back(); }

namespace {

Result<std::vector<Tensor>> run_eagerly(std::string_view name, const std::vector<Tensor>& operands,
                                        const std::vector<Attr>& attrs, std::shared_ptr<SessionState> session) {
  EagerCall call;
  call.scope = scope_text();
  call.op = find_op(name);
  const std::string where =
      fmt::format("{}: {}{}{}", session->device(), call.scope, call.scope.empty() ? "" : " ", name);
  if (call.op == nullptr) return fail(bp::ErrorCode::kUnsupported, where, "no such op", "see docs/opset.md");
  for (size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].is_absent()) {
      call.operands.emplace_back();
      continue;
    }
    const TensorState& state = *operands[i].state();
    if (state.session != session && state.content.weight == nullptr) {
      return fail(bp::ErrorCode::kUsage, where,
                  fmt::format("operand {} ({}) lies on {} in another session", i, operands[i].type_text(),
                              state.session->device()),
                  "move it by Session::take()");
    }
    call.operands.push_back(state.content);
  }
  BP_TRY(call.attrs, core_attrs(name, attrs, [&](const Dim& dim) -> Result<int64_t> {
           BP_TRY_VOID(check_dim(dim, where));
           if (!dim.is_dynamic()) return dim.size();
           return fail(bp::ErrorCode::kUsage, where, fmt::format("{} is a size of a traced function", dim.text()),
                       "use the shape() of the tensors that the function is given");
         }));
  BP_TRY(std::vector<Content> results, session->run(call));
  const bool constant = std::ranges::none_of(call.operands, [](const Content& in) { return in.memory != nullptr; });
  std::vector<Tensor> tensors;
  for (Content& content : results) {
    if (constant) {
      BP_TRY(const auto bytes, session->read(content));
      content = session->make_weight(bytes, content.dims, content.dtype, "");
    }
    tensors.push_back(make_tensor(session, std::move(content)));
  }
  return tensors;
}

Tensor first(std::string_view name, const std::vector<Tensor>& operands, const std::vector<Attr>& attrs = {}) {
  return op(name, operands, attrs).front();
}

bool names_a_traced_size(const std::vector<Attr>& attrs) {
  return std::ranges::any_of(attrs, [](const Attr& attr) {
    const auto* shape = std::get_if<Shape>(&attr.value);
    return shape != nullptr && std::ranges::any_of(*shape, &Dim::is_dynamic);
  });
}

// A scalar to compute with x: where x is, and a weight where x is one.
Tensor scalar_beside(const Tensor& x, std::span<const std::byte> bytes, bp::DType dtype) {
  const TensorState& state = *x.state();
  if (state.trace != nullptr || state.content.weight != nullptr)
    return make_tensor(state.session, SessionState::make_weight(bytes, {}, dtype, ""));
  return make_tensor(state.session, unwrap(state.session->make(bytes, {}, dtype)));
}

bool counts(const Tensor& x) { return x.dtype() == DType::kI32 || x.dtype() == DType::kI64; }

// REQUIRES: counts(x).
Tensor integer_beside(const Tensor& x, double number) {
  const double limit = x.dtype() == DType::kI32 ? 0x1p31 : 0x1p53;  // beyond that a double has not every integer
  if (number != std::trunc(number) || !(number >= -limit && number < limit)) {
    raise(ErrorCode::kUsage, "tensor " + x.type_text(), fmt::format("is not computed with {}", number),
          "give an integer of its range, or cast the tensor");
  }
  const auto wide = static_cast<int64_t>(number);
  if (x.dtype() == DType::kI64) return scalar_beside(x, std::as_bytes(std::span(&wide, 1)), bp::DType::kI64);
  const auto narrow = static_cast<int32_t>(number);
  return scalar_beside(x, std::as_bytes(std::span(&narrow, 1)), bp::DType::kI32);
}

}  // namespace

std::vector<Tensor> op(std::string_view name, const std::vector<Tensor>& operands, const std::vector<Attr>& attrs) {
  // The session of a tensor before that of a weight, which any session can read.
  std::shared_ptr<SessionState> session;
  std::shared_ptr<SessionState> of_weight;
  for (const Tensor& operand : operands) {
    if (operand.is_absent()) continue;
    const TensorState& state = *operand.state();
    if (state.trace != nullptr) return unwrap(state.trace->add(name, operands, attrs));
    std::shared_ptr<SessionState>& known = state.content.weight == nullptr ? session : of_weight;
    if (known == nullptr) known = state.session;
  }
  if (Trace* trace = Trace::current(); trace != nullptr && names_a_traced_size(attrs))
    return unwrap(trace->add(name, operands, attrs));
  if (session == nullptr) session = std::move(of_weight);
  if (session == nullptr) raise(ErrorCode::kUsage, fmt::format("op {}", name), "has no operand", "give it one");
  return unwrap(run_eagerly(name, operands, attrs, std::move(session)));
}

Tensor add(const Tensor& a, const Tensor& b) { return first("add", {a, b}); }
Tensor sub(const Tensor& a, const Tensor& b) { return first("sub", {a, b}); }
Tensor mul(const Tensor& a, const Tensor& b) { return first("mul", {a, b}); }
Tensor div(const Tensor& a, const Tensor& b) { return first("div", {a, b}); }
Tensor minimum(const Tensor& a, const Tensor& b) { return first("min", {a, b}); }
Tensor maximum(const Tensor& a, const Tensor& b) { return first("max", {a, b}); }
Tensor pow(const Tensor& a, const Tensor& b) { return first("pow", {a, b}); }
Tensor less(const Tensor& a, const Tensor& b) { return first("lt", {a, b}); }
Tensor less_equal(const Tensor& a, const Tensor& b) { return first("le", {a, b}); }
Tensor equal(const Tensor& a, const Tensor& b) { return first("eq", {a, b}); }
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) { return first("where", {condition, a, b}); }

Tensor operator+(const Tensor& x, double summand) {
  return counts(x) ? add(x, integer_beside(x, summand)) : scale(x, 1, summand);
}
Tensor operator-(const Tensor& x, double subtrahend) {
  return counts(x) ? sub(x, integer_beside(x, subtrahend)) : scale(x, 1, -subtrahend);
}
Tensor operator-(double minuend, const Tensor& x) {
  return counts(x) ? sub(integer_beside(x, minuend), x) : scale(x, -1, minuend);
}
Tensor operator*(const Tensor& x, double factor) {
  return counts(x) ? mul(x, integer_beside(x, factor)) : scale(x, factor);
}
Tensor operator/(const Tensor& x, double divisor) {
  return counts(x) ? div(x, integer_beside(x, divisor)) : scale(x, 1 / divisor);
}
Tensor operator/(double dividend, const Tensor& x) {
  if (counts(x)) return div(integer_beside(x, dividend), x);
  if (x.dtype() == DType::kF64)
    return div(scalar_beside(x, std::as_bytes(std::span(&dividend, 1)), bp::DType::kF64), x);
  const auto number = static_cast<float>(dividend);
  const Tensor y = div(scalar_beside(x, std::as_bytes(std::span(&number, 1)), bp::DType::kF32), x);
  return x.dtype() == DType::kF32 ? y : cast(y, x.dtype());
}

Tensor neg(const Tensor& x) { return first("neg", {x}); }
Tensor abs(const Tensor& x) { return first("abs", {x}); }
Tensor exp(const Tensor& x) { return first("exp", {x}); }
Tensor log(const Tensor& x) { return first("log", {x}); }
Tensor sqrt(const Tensor& x) { return first("sqrt", {x}); }
Tensor rsqrt(const Tensor& x) { return first("rsqrt", {x}); }
Tensor sin(const Tensor& x) { return first("sin", {x}); }
Tensor cos(const Tensor& x) { return first("cos", {x}); }
Tensor tanh(const Tensor& x) { return first("tanh", {x}); }
Tensor sigmoid(const Tensor& x) { return first("sigmoid", {x}); }
Tensor silu(const Tensor& x) { return first("silu", {x}); }
Tensor relu(const Tensor& x) { return first("relu", {x}); }
Tensor gelu(const Tensor& x, bool tanh_approximation) {
  return first("gelu", {x}, {{"tanh", int64_t{tanh_approximation}}});
}
Tensor scale(const Tensor& x, double factor, double summand) {
  return first("scale", {x}, {{"mul", factor}, {"add", summand}});
}
Tensor clamp(const Tensor& x, double low, double high) { return first("clamp", {x}, {{"min", low}, {"max", high}}); }
Tensor cast(const Tensor& x, DType dtype) { return first("cast", {x}, {{"dtype", dtype}}); }

Tensor matmul(const Tensor& x, const Tensor& w) { return first("matmul", {x, w}); }
Tensor softmax(const Tensor& x) { return first("softmax", {x}); }
Tensor log_softmax(const Tensor& x) { return first("log_softmax", {x}); }
Tensor rms_norm(const Tensor& x, const Tensor& w, double eps) { return first("rms_norm", {x, w}, {{"eps", eps}}); }
Tensor layer_norm(const Tensor& x, const Tensor& w, const Tensor& b, double eps) {
  return first("layer_norm", {x, w, b}, {{"eps", eps}});
}
Tensor reduce_sum(const Tensor& x, bool keep) { return first("reduce_sum", {x}, {{"keep", int64_t{keep}}}); }
Tensor reduce_mean(const Tensor& x, bool keep) { return first("reduce_mean", {x}, {{"keep", int64_t{keep}}}); }
Tensor reduce_max(const Tensor& x, bool keep) { return first("reduce_max", {x}, {{"keep", int64_t{keep}}}); }
Tensor argmax(const Tensor& x, bool keep) { return first("argmax", {x}, {{"keep", int64_t{keep}}}); }
Tensor cumsum(const Tensor& x) { return first("cumsum", {x}); }
std::pair<Tensor, Tensor> topk(const Tensor& x, int64_t k) {
  const auto results = op("topk", {x}, {{"k", k}});
  return {results.at(0), results.at(1)};
}

Tensor reshape(const Tensor& x, const Shape& shape) { return first("reshape", {x}, {{"dims", shape}}); }
Tensor broadcast(const Tensor& x, const Shape& shape) { return first("broadcast", {x}, {{"dims", shape}}); }
Tensor transpose(const Tensor& x, const std::vector<int64_t>& axes) {
  return first("transpose", {x}, {{"perm", axes}});
}
Tensor slice(const Tensor& x, int64_t axis, int64_t start, int64_t length) {
  return first("slice", {x}, {{"axis", axis}, {"start", start}, {"length", length}});
}
Tensor concat(const std::vector<Tensor>& tensors, int64_t axis) { return first("concat", tensors, {{"axis", axis}}); }
Tensor gather_rows(const Tensor& table, const Tensor& rows) { return first("gather_rows", {table, rows}); }

}  // namespace bp::api
