// Two results of the same op held against each other, in the terms of their type. Thread-safety: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "graph/graph.h"

namespace bp {

struct ResultDifference {
  double share = 0;  // the largest difference, as a share of the largest magnitude of `want`; infinite where NaN meets
                     // a number, an infinity another number, or bytes of a type without arithmetic differ
  size_t at = 0;     // element (byte, of such types) where it is
  double got = 0, want = 0;
  size_t n_elements = 0;
};

// f32, f16, bf16 and integers by number, others byte by byte. `before`: where the op changes memory in place, what was
// there; the rest of it, which may be anything, then counts for nothing. REQUIRES: equal sizes, whole elements.
ResultDifference compare_results(DType dtype, std::span<const std::byte> got, std::span<const std::byte> want,
                                 std::span<const std::byte> before = {});

// The share for several results of a kernel, one behind the other: infinite where sizes differ, or where results of
// several types are not equal byte by byte.
double results_difference(const Graph& graph, std::span<const ValueId> results, std::span<const std::byte> got,
                          std::span<const std::byte> want);

// What the share may be where arithmetic differs: by the coarsest type among the values that go in or come out. `ids`
// may hold kNone.
double result_tolerance(const Graph& graph, std::span<const ValueId> ids);

bool is_plain_float(DType dtype);  // f32, f16, bf16

// The first element that is NaN, of a plain float type; SIZE_MAX: none.
size_t find_nan(DType dtype, std::span<const std::byte> bytes);

}  // namespace bp
