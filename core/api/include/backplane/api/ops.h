// The ops. Part of <backplane/backplane.h>. Each runs at once where its operands have content, and becomes a node where
// one of them is traced: the same function serves a Session and compile(). What an op means, and every op without a
// function of its own: docs/opset.md. Errors: kUsage or kFailed for operands that do not fit, naming op and shapes.
#pragma once

#include <backplane/api/tensor.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bp::api {

// Any op of docs/opset.md by name; its results in order. An absent operand is Tensor{}. Results that `update` an
// operand are new tensors; the operand keeps its content.
std::vector<Tensor> op(std::string_view name, const std::vector<Tensor>& operands, const std::vector<Attr>& attrs = {});

// Ops called in this thread while a Scope lives carry its name: Scope layer("blk.0"). For people: errors, print().
class Scope {
 public:
  explicit Scope(std::string_view name);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
};

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);        // bool
Tensor less_equal(const Tensor& a, const Tensor& b);  // bool
Tensor equal(const Tensor& a, const Tensor& b);       // bool
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

Tensor neg(const Tensor& x);
Tensor abs(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor silu(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor gelu(const Tensor& x, bool tanh_approximation = false);
Tensor scale(const Tensor& x, double factor, double summand = 0);  // x * factor + summand
Tensor clamp(const Tensor& x, double low, double high);
Tensor cast(const Tensor& x, DType dtype);

// y[.., n] = Σ_k x[.., k] w[n, k]: w [N, K] as models have it, one row for each column of the result.
Tensor matmul(const Tensor& x, const Tensor& w);
Tensor softmax(const Tensor& x);  // over the last axis, as the next ones
Tensor log_softmax(const Tensor& x);
Tensor rms_norm(const Tensor& x, const Tensor& w, double eps = 1e-5);
Tensor layer_norm(const Tensor& x, const Tensor& w, const Tensor& b, double eps = 1e-5);
Tensor reduce_sum(const Tensor& x, bool keep = false);
Tensor reduce_mean(const Tensor& x, bool keep = false);
Tensor reduce_max(const Tensor& x, bool keep = false);
Tensor argmax(const Tensor& x, bool keep = false);  // i32
Tensor cumsum(const Tensor& x);
std::pair<Tensor, Tensor> topk(const Tensor& x, int64_t k);  // values, indices (i32)

Tensor reshape(const Tensor& x, const Shape& shape);  // once -1: what is left
Tensor broadcast(const Tensor& x, const Shape& shape);
Tensor transpose(const Tensor& x, const std::vector<int64_t>& axes);              // axis i is x's axis axes[i]
Tensor slice(const Tensor& x, int64_t axis, int64_t start, int64_t length = -1);  // length -1: to the end
Tensor concat(const std::vector<Tensor>& tensors, int64_t axis);
Tensor gather_rows(const Tensor& table, const Tensor& rows);  // rows i32

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator-(const Tensor& x) { return neg(x); }

// With a number: of i32 and i64 an integer, else computed as the ops do. Errors: kUsage where it does not fit.
Tensor operator+(const Tensor& x, double summand);
Tensor operator-(const Tensor& x, double subtrahend);
Tensor operator-(double minuend, const Tensor& x);
Tensor operator*(const Tensor& x, double factor);
Tensor operator/(const Tensor& x, double divisor);
Tensor operator/(double dividend, const Tensor& x);
inline Tensor operator+(double summand, const Tensor& x) { return x + summand; }
inline Tensor operator*(double factor, const Tensor& x) { return x * factor; }

}  // namespace bp::api
