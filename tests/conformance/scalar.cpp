// Ops of small tensors: integers, comparisons, logic, where, and functions without a vector form.
#include <array>
#include <cmath>

#include "cases.h"

namespace bp::conformance {
namespace {

constexpr int64_t kColumns = 13;

// Small whole numbers of both signs, so that some are equal and some are 0; with extremes in between.
template <class T>
Bytes whole_numbers(const Sizes& sizes, int64_t columns, int64_t salt) {
  std::vector<T> out;
  for (int64_t i = 0; i < sizes.at("n") * columns; ++i) {
    const int64_t value = (i * 7919 + salt * 31) % 23 - 11;
    out.push_back(sizeof(T) == 1 ? static_cast<T>(value > 0) : static_cast<T>(value));
    if (sizeof(T) == 4 && i % 29 == 5) out.back() = static_cast<T>(value > 0 ? INT32_MAX : INT32_MIN);
  }
  return bytes_of(out);
}

Problem::Fill numbers_of(DType dtype, int64_t columns, int64_t salt) {
  return [=](const Sizes& sizes) -> Bytes {
    switch (dtype) {
      case DType::kI32:
        return whole_numbers<int32_t>(sizes, columns, salt);
      case DType::kI64:
        return whole_numbers<int64_t>(sizes, columns, salt);
      case DType::kBool:
        return whole_numbers<uint8_t>(sizes, columns, salt);
      default:
        return whole_numbers<float>(sizes, columns, salt);
    }
  };
}

// a [n, columns] with b of the same shape, or [n, 1].
Case pair(const std::string& op, DType dtype, bool column) {
  const std::string name = op + "_" + std::string(dtype_name(dtype)) + (column ? "_column" : "");
  return {name, [=](Problem& p) {
            const Extent n = p.symbol("n", 257);
            const int64_t width = column ? 1 : kColumns;
            const ValueId a = p.param("a", dtype, {n, Problem::fixed(kColumns)}, numbers_of(dtype, kColumns, 0));
            const ValueId b = p.param("b", dtype, {n, Problem::fixed(width)}, numbers_of(dtype, width, 1));
            p.output(p.builder().op(op, {a, b}));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

Case logical_not() {
  return {"logical_not", [](Problem& p) {
            const std::vector<Extent> dims = {p.symbol("n", 257), Problem::fixed(kColumns)};
            const ValueId x = p.param("x", DType::kBool, dims, numbers_of(DType::kBool, kColumns, 0));
            p.output(p.builder().op("logical_not", {x}));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

// cond [n, 13] of a and b: both whole, or one of them a value for each row and the other one value.
Case where(const std::string& suffix, DType dtype, bool repeated) {
  return {"where_" + suffix, [=](Problem& p) {
            const Extent n = p.symbol("n", 257);
            const int64_t width = repeated ? 1 : kColumns;
            const ValueId cond =
                p.param("cond", DType::kBool, {n, Problem::fixed(kColumns)}, numbers_of(DType::kBool, kColumns, 3));
            const ValueId a = p.param("a", dtype, {n, Problem::fixed(width)}, numbers_of(dtype, width, 0));
            const ValueId b = repeated && dtype == DType::kF32
                                  ? p.weight("b", dtype, {1})
                                  : p.param("b", dtype, {n, Problem::fixed(kColumns)}, numbers_of(dtype, kColumns, 1));
            p.output(p.builder().op("where", {cond, a, b}));
            p.tolerance = exact();
            p.runs = runs_over("n");
          }};
}

// f(|x| + shift)
Case function(const std::string& op, float spread, double shift) {
  return {op, [=](Problem& p) {
            GraphBuilder& b = p.builder();
            ValueId x = p.activation("x", {p.symbol("n", 257), Problem::fixed(37)}, spread);
            if (shift > 0) x = b.scale(b.op("abs", {x}), 1, shift);
            p.output(b.op(op, {x}));
            p.tolerance = ulps(16);
            p.runs = runs_over("n");
          }};
}

Case power() {
  return {"pow", [](Problem& p) {
            GraphBuilder& b = p.builder();
            const Extent n = p.symbol("n", 257);
            const ValueId x = b.scale(b.op("abs", {p.activation("a", {n, Problem::fixed(kColumns)})}), 1, 0.1);
            p.output(b.op("pow", {x, p.activation("b", {n, Problem::fixed(1)})}));
            p.tolerance = ulps(16);
            p.runs = runs_over("n");
          }};
}

}  // namespace

Cases scalar_cases() {
  Cases cases = {logical_not(),
                 power(),
                 function("log", 5, 0.01),
                 function("sin", 30, 0),
                 function("cos", 30, 0),
                 function("softplus", 15, 0),
                 where("f32", DType::kF32, false),
                 where("f32_repeated", DType::kF32, true),
                 where("i32", DType::kI32, false),
                 where("i64_repeated", DType::kI64, true),
                 where("bool", DType::kBool, false)};
  for (const DType dtype : {DType::kI32, DType::kI64}) {
    for (const std::string op : {"add", "sub", "mul", "div", "min", "max"}) {
      cases.push_back(pair(op, dtype, false));
      cases.push_back(pair(op, dtype, true));
    }
  }
  for (const DType dtype : {DType::kF32, DType::kI32, DType::kI64}) {
    for (const std::string op : {"lt", "le", "eq"}) {
      cases.push_back(pair(op, dtype, false));
      cases.push_back(pair(op, dtype, true));
    }
  }
  for (const std::string op : {"logical_and", "logical_or"}) {
    cases.push_back(pair(op, DType::kBool, false));
    cases.push_back(pair(op, DType::kBool, true));
  }
  return cases;
}

}  // namespace bp::conformance
