// Elementwise ops, broadcasts among them, and cast.
#include "portable/elementwise.h"

#include "ops/rows.h"
#include "portable/numbers.h"

namespace bp::cuda {
namespace {

// y = f(x) for f32 of any shape.
class UnaryOp final : public Op {
 public:
  const char* init(const RegionView& region, const void* user) override {
    op_ = *static_cast<const gpu::Unary*>(user);
    x_ = region.slot(0);
    if (op_ == gpu::Unary::kScale) {
      p0_ = region.attr_float("mul", 1);
      p1_ = region.attr_float("add", 0);
    } else if (op_ == gpu::Unary::kClamp) {
      p0_ = region.attr_float("min", 0);
      p1_ = region.attr_float("max", 0);
    } else if (op_ == gpu::Unary::kGeluErf && region.attr_int("tanh", 0) != 0) {
      op_ = gpu::Unary::kGeluTanh;
    }
    return check_dynamic(x_);
  }

  void run(const OpRun& run) const override {
    gpu::unary(run.at, {op_, run.arg<const float>(0), run.arg<float>(1), run.elements(x_), p0_, p1_});
  }

 private:
  Tensor x_;
  gpu::Unary op_ = gpu::Unary::kScale;
  float p0_ = 0, p1_ = 0;
};

class LogicalNotOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    x_ = region.slot(0);
    return check_dynamic(x_);
  }
  void run(const OpRun& run) const override {
    gpu::logical_not(run.at, run.arg<const uint8_t>(0), run.arg<uint8_t>(1), run.elements(x_));
  }

 private:
  Tensor x_;
};

// What ops of several operands that broadcast share.
class BroadcastOp : public Op {
 protected:
  const char* init_operands(const RegionView& region, uint32_t n) {
    n_ = n;
    for (uint32_t i = 0; i < n; ++i) x_[i] = region.slot(i);
    y_ = region.slot(n);
    return check_dynamic(y_);
  }

  gpu::BroadcastArgs args(const OpRun& run) const {
    gpu::BroadcastArgs args{};
    for (uint32_t i = 0; i < n_; ++i) {
      args.x[i] = run.args[i];
      args.dtype[i] = x_[i].dtype;
      args.shape[i] = run.shape(x_[i]);
    }
    args.y = run.args[n_];
    args.y_dtype = y_.dtype;
    args.y_shape = run.shape(y_);
    args.n = run.elements(y_);
    return args;
  }

  Tensor x_[gpu::kMostOperands];
  Tensor y_;
  uint32_t n_ = 0;
};

class BinaryOp final : public BroadcastOp {
 public:
  const char* init(const RegionView& region, const void* user) override {
    op_ = *static_cast<const gpu::Binary*>(user);
    if (const char* why = init_operands(region, 2); why != nullptr) return why;
    const bool compares = op_ >= gpu::Binary::kLess;
    if (is_plain_float(x_[0].dtype) && is_plain_float(x_[1].dtype)) {
      return compares || is_plain_float(y_.dtype) ? nullptr : "the result is not f32, f16 or bf16";
    }
    const bool whole = gpu::is_whole(x_[0].dtype) && x_[0].dtype == x_[1].dtype;
    return whole && op_ != gpu::Binary::kPow ? nullptr : "not dtypes of this row";
  }
  void run(const OpRun& run) const override { gpu::binary(run.at, op_, args(run)); }

 private:
  gpu::Binary op_ = gpu::Binary::kAdd;
};

class WhereOp final : public BroadcastOp {
 public:
  const char* init(const RegionView& region, const void*) override {
    if (const char* why = init_operands(region, 3); why != nullptr) return why;
    return element_bytes(y_.dtype) == 0 ? "elements are not whole bytes" : nullptr;
  }
  void run(const OpRun& run) const override { gpu::where(run.at, element_bytes(y_.dtype), args(run)); }
};

class CastOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    x_ = region.slot(0);
    y_dtype_ = region.slot(1).dtype;
    if (!takes(x_.dtype) || !takes(y_dtype_)) return "not a float or an integer of whole bytes";
    return check_dynamic(x_);
  }
  void run(const OpRun& run) const override {
    gpu::cast(run.at, {run.args[0], run.args[1], x_.dtype, y_dtype_, run.elements(x_)});
  }

 private:
  static bool takes(uint16_t dtype) { return gpu::is_float(dtype) || gpu::is_whole(dtype); }
  Tensor x_;
  uint16_t y_dtype_ = 0;
};

using gpu::Binary;
using gpu::Unary;
constexpr Unary kUnary[] = {Unary::kScale, Unary::kSilu, Unary::kGeluErf, Unary::kSigmoid, Unary::kTanh, Unary::kRelu,
                            Unary::kClamp, Unary::kNeg,  Unary::kAbs,     Unary::kExp,     Unary::kSqrt, Unary::kRsqrt,
                            Unary::kLog,   Unary::kSin,  Unary::kCos,     Unary::kSoftplus};
constexpr Binary kBinary[] = {Binary::kAdd,       Binary::kSub,   Binary::kMul, Binary::kDiv,
                              Binary::kMin,       Binary::kMax,   Binary::kPow, Binary::kLess,
                              Binary::kLessEqual, Binary::kEqual, Binary::kAnd, Binary::kOr};

constexpr bp_kernel unary_row(const char* id, const char* op, const Unary& kind) {
  return row<UnaryOp>({.id = id, .pattern = op, .where = "dtype(x)=f32", .alias = "out=x", .user = &kind});
}
constexpr bp_kernel binary_row(const char* id, const char* op, const Binary& kind) {
  return row<BinaryOp>({.id = id, .pattern = op, .user = &kind});
}

constexpr bp_kernel kRows[] = {
    unary_row("cuda.scale", "scale", kUnary[0]),
    unary_row("cuda.silu", "silu", kUnary[1]),
    unary_row("cuda.gelu", "gelu", kUnary[2]),
    unary_row("cuda.sigmoid", "sigmoid", kUnary[3]),
    unary_row("cuda.tanh", "tanh", kUnary[4]),
    unary_row("cuda.relu", "relu", kUnary[5]),
    unary_row("cuda.clamp", "clamp", kUnary[6]),
    unary_row("cuda.neg", "neg", kUnary[7]),
    unary_row("cuda.abs", "abs", kUnary[8]),
    unary_row("cuda.exp", "exp", kUnary[9]),
    unary_row("cuda.sqrt", "sqrt", kUnary[10]),
    unary_row("cuda.rsqrt", "rsqrt", kUnary[11]),
    unary_row("cuda.log", "log", kUnary[12]),
    unary_row("cuda.sin", "sin", kUnary[13]),
    unary_row("cuda.cos", "cos", kUnary[14]),
    unary_row("cuda.softplus", "softplus", kUnary[15]),
    binary_row("cuda.add", "add", kBinary[0]),
    binary_row("cuda.sub", "sub", kBinary[1]),
    binary_row("cuda.mul", "mul", kBinary[2]),
    binary_row("cuda.div", "div", kBinary[3]),
    binary_row("cuda.min", "min", kBinary[4]),
    binary_row("cuda.max", "max", kBinary[5]),
    binary_row("cuda.pow", "pow", kBinary[6]),
    binary_row("cuda.lt", "lt", kBinary[7]),
    binary_row("cuda.le", "le", kBinary[8]),
    binary_row("cuda.eq", "eq", kBinary[9]),
    binary_row("cuda.logical_and", "logical_and", kBinary[10]),
    binary_row("cuda.logical_or", "logical_or", kBinary[11]),
    row<LogicalNotOp>({.id = "cuda.logical_not", .pattern = "logical_not", .where = "dtype(x)=bool", .alias = "out=x"}),
    row<WhereOp>({.id = "cuda.where", .pattern = "where"}),
    row<CastOp>({.id = "cuda.cast", .pattern = "cast"}),
};

}  // namespace

std::span<const bp_kernel> elementwise_rows() { return kRows; }

}  // namespace bp::cuda
