#include "kernels/elementwise.h"

#include "kernels/convert.h"
#include "ops/broadcast.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

// y = f(x) for f32 of any shape.
class UnaryOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void* user) override {
    avx512_ = target.avx512;
    op_ = *static_cast<const Unary*>(user);
    x_ = region.slot(0);
    if (op_ == Unary::kScale) {
      p0_ = region.attr_float("mul", 1);
      p1_ = region.attr_float("add", 0);
    } else if (op_ == Unary::kClamp) {
      p0_ = region.attr_float("min", 0);
      p1_ = region.attr_float("max", 0);
    } else if (op_ == Unary::kGeluErf && region.attr_int("tanh", 0) != 0) {
      op_ = Unary::kGeluTanh;
    }
    return nullptr;
  }

  void run(const OpRun& run) const override {
    const UnaryArgs args{run.arg<const float>(0), run.arg<float>(1), p0_, p1_};
    const auto kernel = avx512_ ? avx512::unary : avx2::unary;
    for_ranges(run, x_.elements(run.dyn), 1, [&](int64_t begin, int64_t end) { kernel(op_, args, begin, end); });
  }

 private:
  Tensor x_;
  Unary op_ = Unary::kScale;
  float p0_ = 0;
  float p1_ = 0;
  bool avx512_ = false;
};

// y = f(a, b), either of them repeated where it broadcasts; operands of 16 bits (biases) are widened first.
class BinaryOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void* user) override {
    avx512_ = target.avx512;
    op_ = *static_cast<const Binary*>(user);
    y_ = region.slot(2);
    for (uint32_t i = 0; i < 2; ++i) {
      x_[i] = region.slot(i);
      if (!is_plain_float(x_[i].dtype)) return "an operand is not f32, f16 or bf16";
    }
    return nullptr;
  }

  uint64_t ws_bytes() const override { return wide_bytes(0) + wide_bytes(1); }

  void run(const OpRun& run) const override {
    const int64_t n = y_.elements(run.dyn);
    if (n == 0) return;
    const float* a = wide(run, 0, run.ws);
    const float* b = wide(run, 1, run.ws + wide_bytes(0));
    const BroadcastWalk walk = broadcast_walk(y_, x_, run.dyn);
    const auto kernel = avx512_ ? avx512::binary : avx2::binary;
    for_ranges(run, n, 1, [&](int64_t begin, int64_t end) {
      walk_runs(walk, begin, end, [&](const int64_t* offset, int64_t at, int64_t count) {
        kernel(op_, {a + offset[0], b + offset[1], run.arg<float>(2) + at, walk.run_step(0), walk.run_step(1)}, count);
      });
    });
  }

 private:
  uint64_t wide_bytes(uint32_t i) const {
    if (x_[i].dtype == BP_DT_F32) return 0;
    return (static_cast<uint64_t>(x_[i].bounds(0, x_[i].rank)) * sizeof(float) + 63) / 64 * 64;
  }
  const float* wide(const OpRun& run, uint32_t i, std::byte* ws) const {
    if (x_[i].dtype == BP_DT_F32) return run.arg<const float>(i);
    auto* out = reinterpret_cast<float*>(ws);
    (avx512_ ? avx512::row_to_f32 : avx2::row_to_f32)(x_[i].dtype, run.args[i], out, x_[i].elements(run.dyn));
    return out;
  }

  Tensor y_;
  Tensor x_[2];
  Binary op_ = Binary::kAdd;
  bool avx512_ = false;
};

// y = f(gate) * up, the halves of a gated feed-forward.
class GatedOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void* user) override {
    avx512_ = target.avx512;
    op_ = *static_cast<const Gate*>(user);
    if (op_ == Gate::kGeluErf && region.attr_int("tanh", 0) != 0) op_ = Gate::kGeluTanh;
    y_ = region.slot(2);
    for (uint32_t i = 0; i < 2; ++i) {
      const Tensor x = region.slot(i);
      if (x.rank != y_.rank) return "gate and up differ in shape";
      for (uint32_t d = 0; d < x.rank; ++d) {
        if (x.sym[d] != y_.sym[d] || x.dim[d] != y_.dim[d]) return "gate and up differ in shape";
      }
    }
    return nullptr;
  }

  void run(const OpRun& run) const override {
    const auto* gate = run.arg<const float>(0);
    const auto* up = run.arg<const float>(1);
    const auto kernel = avx512_ ? avx512::gated : avx2::gated;
    for_ranges(run, y_.elements(run.dyn), 2,
               [&](int64_t begin, int64_t end) { kernel(op_, gate, up, run.arg<float>(2), begin, end); });
  }

 private:
  Tensor y_;
  Gate op_ = Gate::kSilu;
  bool avx512_ = false;
};

constexpr Unary kUnary[] = {Unary::kScale, Unary::kSilu, Unary::kGeluErf, Unary::kSigmoid, Unary::kTanh, Unary::kRelu,
                            Unary::kClamp, Unary::kNeg,  Unary::kAbs,     Unary::kExp,     Unary::kSqrt, Unary::kRsqrt};
constexpr Binary kBinary[] = {Binary::kAdd, Binary::kMul, Binary::kSub, Binary::kDiv, Binary::kMin, Binary::kMax};
constexpr Gate kGate[] = {Gate::kSilu, Gate::kGeluErf};

constexpr bp_kernel unary_row(const char* id, const char* op, const Unary& kind) {
  return row<UnaryOp>({.id = id, .pattern = op, .where = "dtype(x)=f32", .alias = "out=x", .user = &kind});
}
constexpr bp_kernel binary_row(const char* id, const char* op, const Binary& kind) {
  return row<BinaryOp>({.id = id, .pattern = op, .where = "dtype(out)=f32", .alias = "out=a; out=b", .user = &kind});
}
constexpr bp_kernel gated_row(const char* id, const char* pattern, const Gate& kind) {
  return row<GatedOp>(
      {.id = id, .pattern = pattern, .where = "dtype(g)=f32; dtype(u)=f32", .alias = "out=g; out=u", .user = &kind});
}

constexpr bp_kernel kRows[] = {
    unary_row("cpu.scale", "scale", kUnary[0]),
    unary_row("cpu.silu", "silu", kUnary[1]),
    unary_row("cpu.gelu", "gelu", kUnary[2]),
    unary_row("cpu.sigmoid", "sigmoid", kUnary[3]),
    unary_row("cpu.tanh", "tanh", kUnary[4]),
    unary_row("cpu.relu", "relu", kUnary[5]),
    unary_row("cpu.clamp", "clamp", kUnary[6]),
    unary_row("cpu.neg", "neg", kUnary[7]),
    unary_row("cpu.abs", "abs", kUnary[8]),
    unary_row("cpu.exp", "exp", kUnary[9]),
    unary_row("cpu.sqrt", "sqrt", kUnary[10]),
    unary_row("cpu.rsqrt", "rsqrt", kUnary[11]),
    binary_row("cpu.add", "add", kBinary[0]),
    binary_row("cpu.mul", "mul", kBinary[1]),
    binary_row("cpu.sub", "sub", kBinary[2]),
    binary_row("cpu.div", "div", kBinary[3]),
    binary_row("cpu.min", "min", kBinary[4]),
    binary_row("cpu.max", "max", kBinary[5]),
    gated_row("cpu.silu_mul", "(mul (silu ?g) ?u)", kGate[0]),
    gated_row("cpu.gelu_mul", "(mul (gelu ?g) ?u)", kGate[1]),
};

}  // namespace

std::span<const bp_kernel> elementwise_rows() { return kRows; }

}  // namespace bp::cpu
