// Functions of one element, of two with broadcasting, casts and the choice between two.
#include "work.h"

namespace bp::opencl {
namespace {

constexpr int64_t kGelu = 13, kGeluTanh = 14, kScale = 15, kClamp = 16;  // cl/unary.cl

const char* unary(const RegionView& region, const RowUser& user, Work& work) {
  const bool is_scale = user.op == kScale;
  work.args.n[1] = user.op == kGelu && region.attr_int("tanh", 0) != 0 ? kGeluTanh : user.op;
  work.args.f[0] = region.attr_float(is_scale ? "mul" : "min", 0);
  work.args.f[1] = region.attr_float(is_scale ? "add" : "max", 0);
  work.size = per_element<0>;
  return nullptr;
}

const char* cast(const RegionView&, const RowUser&, Work& work) {
  work.args.n[1] = work.slot[0].dtype;
  work.args.n[2] = work.slot[1].dtype;
  work.size = per_element<0>;
  return nullptr;
}

int64_t size_of_binary(const Work& work, const int64_t* dyn, Args& args) {
  set_places(work, 2, 0, 16, dyn, args);
  set_places(work, 2, 1, 24, dyn, args);
  return work.slot[2].elements(dyn);
}

const char* binary(const RegionView&, const RowUser& user, Work& work) {
  const bool alike = work.slot[0].dtype == work.slot[1].dtype;
  if (!alike && !is_plain_float(work.slot[0].dtype)) return "the operands are of two types";
  work.args.n[2] = user.op;
  work.args.n[3] = work.slot[0].dtype;
  work.args.n[4] = work.slot[1].dtype;
  work.size = size_of_binary;
  return nullptr;
}

const char* logical_not(const RegionView&, const RowUser&, Work& work) {
  work.size = per_element<0>;
  return nullptr;
}

int64_t size_of_where(const Work& work, const int64_t* dyn, Args& args) {
  set_places(work, 3, 0, 32, dyn, args);
  set_places(work, 3, 1, 16, dyn, args);
  set_places(work, 3, 2, 24, dyn, args);
  return work.slot[3].elements(dyn);
}

const char* where(const RegionView&, const RowUser&, Work& work) {
  work.args.n[2] = element_bytes(work.slot[1].dtype);
  work.size = size_of_where;
  return work.args.n[2] > 0 ? nullptr : "elements are no whole bytes";
}

const char* silu_mul(const RegionView&, const RowUser&, Work& work) {
  work.size = per_element<0>;
  return same_shape(work.slot[0], work.slot[1]) ? nullptr : "the product broadcasts";
}

constexpr RowText unary_row(const char* id, const char* op, int64_t number) {
  return {id, op, "dtype(x)=f32", "out=x", {"unary", unary, number}};
}
constexpr RowText float_row(const char* id, const char* op, int64_t number) {
  return {id,
          op,
          "dtype(out)=f32; dtype(a)=f32|f16|bf16; dtype(b)=f32|f16|bf16",
          "out=a; out=b",
          {"binary_float", binary, number}};
}
constexpr RowText int_row(const char* id, const char* op, int64_t number) {
  return {id, op, "dtype(a)=i32|i64", "out=a; out=b", {"binary_int", binary, number}};
}
constexpr RowText compare_row(const char* id, const char* op, int64_t number) {
  return {id, op, "dtype(a)=f32|i32|i64", nullptr, {"compare", binary, number}};
}

constexpr RowText kRows[] = {
    unary_row("opencl.neg", "neg", 0),
    unary_row("opencl.abs", "abs", 1),
    unary_row("opencl.exp", "exp", 2),
    unary_row("opencl.log", "log", 3),
    unary_row("opencl.sqrt", "sqrt", 4),
    unary_row("opencl.rsqrt", "rsqrt", 5),
    unary_row("opencl.sin", "sin", 6),
    unary_row("opencl.cos", "cos", 7),
    unary_row("opencl.tanh", "tanh", 8),
    unary_row("opencl.sigmoid", "sigmoid", 9),
    unary_row("opencl.silu", "silu", 10),
    unary_row("opencl.relu", "relu", 11),
    unary_row("opencl.softplus", "softplus", 12),
    unary_row("opencl.gelu", "gelu", kGelu),
    unary_row("opencl.scale", "scale", kScale),
    unary_row("opencl.clamp", "clamp", kClamp),
    {"opencl.cast", "cast", "dtype(x)=f32|f16|bf16; dtype(out)=f32|f16|bf16", nullptr, {"cast_float", cast, 0}},
    float_row("opencl.add", "add", 0),
    float_row("opencl.sub", "sub", 1),
    float_row("opencl.mul", "mul", 2),
    float_row("opencl.div", "div", 3),
    float_row("opencl.min", "min", 4),
    float_row("opencl.max", "max", 5),
    float_row("opencl.pow", "pow", 6),
    int_row("opencl.add_int", "add", 0),
    int_row("opencl.sub_int", "sub", 1),
    int_row("opencl.mul_int", "mul", 2),
    int_row("opencl.div_int", "div", 3),
    int_row("opencl.min_int", "min", 4),
    int_row("opencl.max_int", "max", 5),
    compare_row("opencl.lt", "lt", 7),
    compare_row("opencl.le", "le", 8),
    compare_row("opencl.eq", "eq", 9),
    {"opencl.logical_and", "logical_and", nullptr, "out=a; out=b", {"compare", binary, 10}},
    {"opencl.logical_or", "logical_or", nullptr, "out=a; out=b", {"compare", binary, 11}},
    {"opencl.logical_not", "logical_not", nullptr, "out=x", {"logical_not", logical_not, 0}},
    {"opencl.where", "where", nullptr, nullptr, {"where_op", where, 0}},
    {"opencl.silu_mul", "(mul (silu ?g) ?u)", "dtype(g)=f32; dtype(u)=f32", "out=g; out=u", {"silu_mul", silu_mul, 0}},
};

}  // namespace

std::span<const RowText> elementwise_rows() { return kRows; }

}  // namespace bp::opencl
