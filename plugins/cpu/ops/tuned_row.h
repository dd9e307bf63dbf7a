// Rows of ops that tuning may configure: such an op overrides configure().
#pragma once

#include "ops/rows.h"

namespace bp::cpu {

// The default first.
template <size_t N>
constexpr bp_tunable tunable(const char* name, const int64_t (&values)[N]) {
  return {name, static_cast<uint32_t>(N), 0, values};
}

template <size_t N>
constexpr bp_kernel tuned(bp_kernel row, const bp_tunable (&tunables)[N]) {
  row.n_tunable = static_cast<uint32_t>(N);
  row.tunable = tunables;
  row.tunable_stride = sizeof(bp_tunable);
  return row;
}

}  // namespace bp::cpu
