// The ops of two operands that broadcast, and where.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "reference/call.h"

namespace bp {
namespace {

// Integers compute modulo 2^64; unsigned, because signed overflow is undefined.
int64_t wrap(uint64_t value) { return static_cast<int64_t>(value); }
int64_t divide(int64_t a, int64_t b) { return b == 0 ? 0 : b == -1 ? wrap(0 - static_cast<uint64_t>(a)) : a / b; }

struct Formula {
  std::string_view name;
  float (*real)(float a, float b);
  int64_t (*whole)(int64_t a, int64_t b);
};

constexpr Formula kFormulas[] = {
    {"add", [](float a, float b) { return a + b; },
     [](int64_t a, int64_t b) { return wrap(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }},
    {"sub", [](float a, float b) { return a - b; },
     [](int64_t a, int64_t b) { return wrap(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)); }},
    {"mul", [](float a, float b) { return a * b; },
     [](int64_t a, int64_t b) { return wrap(static_cast<uint64_t>(a) * static_cast<uint64_t>(b)); }},
    {"div", [](float a, float b) { return a / b; }, divide},
    {"min", [](float a, float b) { return std::min(a, b); }, [](int64_t a, int64_t b) { return std::min(a, b); }},
    {"max", [](float a, float b) { return std::max(a, b); }, [](int64_t a, int64_t b) { return std::max(a, b); }},
    {"pow", [](float a, float b) { return std::pow(a, b); }, nullptr},
    {"lt", [](float a, float b) { return a < b ? 1.0f : 0.0f; }, [](int64_t a, int64_t b) { return int64_t{a < b}; }},
    {"le", [](float a, float b) { return a <= b ? 1.0f : 0.0f; }, [](int64_t a, int64_t b) { return int64_t{a <= b}; }},
    {"eq", [](float a, float b) { return a == b ? 1.0f : 0.0f; }, [](int64_t a, int64_t b) { return int64_t{a == b}; }},
    {"logical_and", nullptr, [](int64_t a, int64_t b) { return a & b; }},
    {"logical_or", nullptr, [](int64_t a, int64_t b) { return a | b; }},
};

// An operand seen along the rows of the result.
struct Operand {
  const RefTensor& tensor;
  std::vector<int64_t> steps;

  Operand(const RefTensor& t, const RefTensor& result) : tensor(t), steps(broadcast_steps(t.dims, result.dims)) {}
  int64_t offset(const RefTensor& result, int64_t row) const {
    return result.dims.empty() ? 0 : broadcast_offset(steps, result.dims, row);
  }
  int64_t step() const { return steps.empty() ? 0 : steps.back(); }

  std::vector<float> row(const RefTensor& result, int64_t index) const {
    std::vector<float> out(static_cast<size_t>(row_size(result)));
    if (out.empty()) return out;
    const int64_t first = offset(result, index);
    if (step() == 1) {
      read_floats(tensor, first, row_size(result), out.data());
    } else {
      read_floats(tensor, first, 1, out.data());
      std::fill(out.begin(), out.end(), out[0]);
    }
    return out;
  }
};

void run_floats(const RefCall& call, const Formula& formula) {
  const Operand a(call.in[0], call.out[0]), b(call.in[1], call.out[0]);
  for (int64_t row = 0; row < n_rows(call.out[0]); ++row) {
    std::vector<float> x = a.row(call.out[0], row);
    const std::vector<float> y = b.row(call.out[0], row);
    for (size_t i = 0; i < x.size(); ++i) x[i] = formula.real(x[i], y[i]);
    write_row(call.out[0], row, x);
  }
}

void run_integers(const RefCall& call, const Formula& formula) {
  const RefTensor& out = call.out[0];
  const Operand a(call.in[0], out), b(call.in[1], out);
  for (int64_t row = 0; row < n_rows(out); ++row) {
    const int64_t x = a.offset(out, row), y = b.offset(out, row);
    for (int64_t i = 0; i < row_size(out); ++i) {
      const int64_t value = formula.whole(read_int(a.tensor, x + i * a.step()), read_int(b.tensor, y + i * b.step()));
      write_int(out, row * row_size(out) + i, value);
    }
  }
}

}  // namespace

Status ref_binary(const RefCall& call) {
  for (const Formula& formula : kFormulas) {
    if (formula.name != call.op.name) continue;
    is_float(call.in[0].dtype) ? run_floats(call, formula) : run_integers(call, formula);
    return {};
  }
  return call.error("has no formula");
}

Status ref_where(const RefCall& call) {
  const RefTensor& out = call.out[0];
  const size_t bytes = dtype_info(out.dtype).block_bytes;
  const Operand cond(call.in[0], out), a(call.in[1], out), b(call.in[2], out);
  for (int64_t row = 0; row < n_rows(out); ++row) {
    const int64_t from = cond.offset(out, row), x = a.offset(out, row), y = b.offset(out, row);
    for (int64_t i = 0; i < row_size(out); ++i) {
      const bool first = read_int(cond.tensor, from + i * cond.step()) != 0;
      const std::byte* source = first ? a.tensor.data + (x + i * a.step()) * static_cast<int64_t>(bytes)
                                      : b.tensor.data + (y + i * b.step()) * static_cast<int64_t>(bytes);
      std::memcpy(out.data + (row * row_size(out) + i) * static_cast<int64_t>(bytes), source, bytes);
    }
  }
  return {};
}

}  // namespace bp
