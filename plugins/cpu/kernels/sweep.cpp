#include "kernels/sweep.h"

#include "kernels/simd.h"

namespace bp::cpu::BP_CPU_ISA {

float sweep(const std::byte* data, int64_t bytes) {
  constexpr int kChains = 8;
  const auto* p = reinterpret_cast<const float*>(data);
  const int64_t n = bytes / static_cast<int64_t>(sizeof(float));
  V total[kChains];
  for (V& chain : total) chain = zero();
  for (int64_t i = 0; i + kChains * kLanes <= n; i += kChains * kLanes) {
    for (int c = 0; c < kChains; ++c) total[c] = add(total[c], load(p + i + c * kLanes));
  }
  for (int c = 1; c < kChains; ++c) total[0] = add(total[0], total[c]);
  return sum(total[0]);
}

}  // namespace bp::cpu::BP_CPU_ISA
