// Elementwise ops of small tensors (routing, masks, counters): plain loops over any mix of broadcasts, one for each
// type of element.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/broadcast.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

// y[i] = f(operands at i), for n elements; operand k moves by step[k] elements.
using Loop = void (*)(const std::byte* const* x, const int64_t* step, std::byte* y, int64_t n);

template <class T, class Y, Y (*kFunction)(T, T)>
void loop2(const std::byte* const* x, const int64_t* step, std::byte* y, int64_t n) {
  const auto* a = reinterpret_cast<const T*>(x[0]);
  const auto* b = reinterpret_cast<const T*>(x[1]);
  auto* out = reinterpret_cast<Y*>(y);
  for (int64_t i = 0; i < n; ++i) out[i] = kFunction(a[i * step[0]], b[i * step[1]]);
}

template <class T, T (*kFunction)(T)>
void loop1(const std::byte* const* x, const int64_t*, std::byte* y, int64_t n) {
  const auto* a = reinterpret_cast<const T*>(x[0]);
  auto* out = reinterpret_cast<T*>(y);
  for (int64_t i = 0; i < n; ++i) out[i] = kFunction(a[i]);
}

template <class T>
void loop_where(const std::byte* const* x, const int64_t* step, std::byte* y, int64_t n) {
  const auto* cond = reinterpret_cast<const uint8_t*>(x[0]);
  const auto* a = reinterpret_cast<const T*>(x[1]);
  const auto* b = reinterpret_cast<const T*>(x[2]);
  auto* out = reinterpret_cast<T*>(y);
  for (int64_t i = 0; i < n; ++i) out[i] = cond[i * step[0]] != 0 ? a[i * step[1]] : b[i * step[2]];
}

// Integers compute modulo 2^n: unsigned, because signed overflow is undefined.
template <class T>
T sum(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class T>
T difference(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <class T>
T product(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}
template <class T>
T quotient(T a, T b) {
  if (b == 0) return 0;
  return b == -1 ? difference<T>(0, a) : a / b;
}
template <class T>
T smaller(T a, T b) {
  return std::min(a, b);
}
template <class T>
T larger(T a, T b) {
  return std::max(a, b);
}
template <class T>
uint8_t less(T a, T b) {
  return a < b;
}
template <class T>
uint8_t less_or_equal(T a, T b) {
  return a <= b;
}
template <class T>
uint8_t equal(T a, T b) {
  return a == b;
}
uint8_t both(uint8_t a, uint8_t b) { return a & b; }
uint8_t either(uint8_t a, uint8_t b) { return a | b; }
uint8_t opposite(uint8_t a) { return a == 0; }
float power(float a, float b) { return std::pow(a, b); }
float logarithm(float a) { return std::log(a); }
float sine(float a) { return std::sin(a); }
float cosine(float a) { return std::cos(a); }
float softplus(float a) { return a > 20.0f ? a : std::log1p(std::exp(a)); }

// The loops of an op by the type of its elements; null: not for this row.
struct Loops {
  uint32_t n_operands;
  Loop f32, i32, i64, byte;
};

Loop choose(const Loops& loops, uint16_t dtype) {
  switch (dtype) {
    case BP_DT_F32:
      return loops.f32;
    case BP_DT_I32:
      return loops.i32;
    case BP_DT_I64:
      return loops.i64;
    case BP_DT_BOOL:
      return loops.byte;
    default:
      return nullptr;
  }
}

class ScalarOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void* user) override {
    const auto& loops = *static_cast<const Loops*>(user);
    n_operands_ = loops.n_operands;
    for (uint32_t i = 0; i < n_operands_; ++i) x_[i] = region.slot(i);
    y_ = region.slot(n_operands_);
    loop_ = choose(loops, x_[0].dtype);
    return loop_ == nullptr || x_[n_operands_ - 1].dtype != x_[0].dtype ? "not a type of this row" : nullptr;
  }

  void run(const OpRun& run) const override {
    const int64_t n = y_.elements(run.dyn);
    if (n == 0) return;
    const BroadcastWalk walk = broadcast_walk(y_, {x_, n_operands_}, run.dyn);
    int64_t step[BroadcastWalk::kMaxOperands] = {};
    for (uint32_t i = 0; i < n_operands_; ++i) step[i] = walk.run_step(i);
    for_ranges(run, n, 4, [&](int64_t begin, int64_t end) {
      walk_runs(walk, begin, end, [&](const int64_t* offset, int64_t at, int64_t count) {
        const std::byte* x[BroadcastWalk::kMaxOperands] = {};
        for (uint32_t i = 0; i < n_operands_; ++i) x[i] = element(run.args[i], x_[i].dtype, offset[i]);
        loop_(x, step, element(run.args[n_operands_], y_.dtype, at), count);
      });
    });
  }

 protected:
  static std::byte* element(std::byte* data, uint16_t dtype, int64_t i) { return data + element_bytes(dtype) * i; }

  Tensor x_[BroadcastWalk::kMaxOperands];
  Tensor y_;
  uint32_t n_operands_ = 0;
  Loop loop_ = nullptr;
};

class WhereOp final : public ScalarOp {
 public:
  const char* init(const RegionView& region, const OpTarget&, const void*) override {
    n_operands_ = 3;
    for (uint32_t i = 0; i < 3; ++i) x_[i] = region.slot(i);
    y_ = region.slot(3);
    switch (element_bytes(y_.dtype)) {
      case 1:
        loop_ = loop_where<uint8_t>;
        return nullptr;
      case 2:
        loop_ = loop_where<uint16_t>;
        return nullptr;
      case 4:
        loop_ = loop_where<uint32_t>;
        return nullptr;
      case 8:
        loop_ = loop_where<uint64_t>;
        return nullptr;
      default:
        return "elements are not whole bytes";
    }
  }
};

template <int32_t (*kOf32)(int32_t, int32_t), int64_t (*kOf64)(int64_t, int64_t)>
constexpr Loops integers() {
  return {2, nullptr, loop2<int32_t, int32_t, kOf32>, loop2<int64_t, int64_t, kOf64>, nullptr};
}
template <uint8_t (*kReal)(float, float), uint8_t (*kOf32)(int32_t, int32_t), uint8_t (*kOf64)(int64_t, int64_t)>
constexpr Loops comparison() {
  return {2, loop2<float, uint8_t, kReal>, loop2<int32_t, uint8_t, kOf32>, loop2<int64_t, uint8_t, kOf64>, nullptr};
}

constexpr Loops kLoops[] = {
    integers<sum<int32_t>, sum<int64_t>>(),
    integers<difference<int32_t>, difference<int64_t>>(),
    integers<product<int32_t>, product<int64_t>>(),
    integers<quotient<int32_t>, quotient<int64_t>>(),
    integers<smaller<int32_t>, smaller<int64_t>>(),
    integers<larger<int32_t>, larger<int64_t>>(),
    comparison<less<float>, less<int32_t>, less<int64_t>>(),
    comparison<less_or_equal<float>, less_or_equal<int32_t>, less_or_equal<int64_t>>(),
    comparison<equal<float>, equal<int32_t>, equal<int64_t>>(),
    {2, nullptr, nullptr, nullptr, loop2<uint8_t, uint8_t, both>},
    {2, nullptr, nullptr, nullptr, loop2<uint8_t, uint8_t, either>},
    {1, nullptr, nullptr, nullptr, loop1<uint8_t, opposite>},
    {2, loop2<float, float, power>, nullptr, nullptr, nullptr},
    {1, loop1<float, logarithm>, nullptr, nullptr, nullptr},
    {1, loop1<float, sine>, nullptr, nullptr, nullptr},
    {1, loop1<float, cosine>, nullptr, nullptr, nullptr},
    {1, loop1<float, softplus>, nullptr, nullptr, nullptr},
};

constexpr bp_kernel integer_row(const char* id, const char* op, const Loops& loops) {
  return row<ScalarOp>({.id = id, .pattern = op, .where = "dtype(a)=i32|i64", .alias = "out=a; out=b", .user = &loops});
}
constexpr bp_kernel comparison_row(const char* id, const char* op, const Loops& loops) {
  return row<ScalarOp>({.id = id, .pattern = op, .where = "dtype(a)=f32|i32|i64", .user = &loops});
}
constexpr bp_kernel unary_row(const char* id, const char* op, const Loops& loops) {
  return row<ScalarOp>({.id = id, .pattern = op, .where = "dtype(x)=f32|bool", .alias = "out=x", .user = &loops});
}

constexpr bp_kernel kRows[] = {
    integer_row("cpu.add_int", "add", kLoops[0]),
    integer_row("cpu.sub_int", "sub", kLoops[1]),
    integer_row("cpu.mul_int", "mul", kLoops[2]),
    integer_row("cpu.div_int", "div", kLoops[3]),
    integer_row("cpu.min_int", "min", kLoops[4]),
    integer_row("cpu.max_int", "max", kLoops[5]),
    comparison_row("cpu.lt", "lt", kLoops[6]),
    comparison_row("cpu.le", "le", kLoops[7]),
    comparison_row("cpu.eq", "eq", kLoops[8]),
    row<ScalarOp>({.id = "cpu.logical_and", .pattern = "logical_and", .alias = "out=a; out=b", .user = &kLoops[9]}),
    row<ScalarOp>({.id = "cpu.logical_or", .pattern = "logical_or", .alias = "out=a; out=b", .user = &kLoops[10]}),
    unary_row("cpu.logical_not", "logical_not", kLoops[11]),
    row<ScalarOp>(
        {.id = "cpu.pow", .pattern = "pow", .where = "dtype(a)=f32", .alias = "out=a; out=b", .user = &kLoops[12]}),
    unary_row("cpu.log", "log", kLoops[13]),
    unary_row("cpu.sin", "sin", kLoops[14]),
    unary_row("cpu.cos", "cos", kLoops[15]),
    unary_row("cpu.softplus", "softplus", kLoops[16]),
    row<WhereOp>({.id = "cpu.where", .pattern = "where", .alias = "out=a; out=b"}),
};

}  // namespace

std::span<const bp_kernel> scalar_rows() { return kRows; }

}  // namespace bp::cpu
