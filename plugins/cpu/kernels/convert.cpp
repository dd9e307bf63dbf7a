#include "kernels/convert.h"

#include <backplane/plugin.h>

#include "kernels/simd.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

// Blocks of 32: q8_0 is d f16 and 32 i8; q4_0 is d f16 and 16 bytes, element i and i + 16 in the nibbles of byte i,
// less 8; q4_1 is d, m f16 and 16 such bytes.
constexpr int64_t kBlock = 32;
constexpr int64_t kQ8Bytes = 34;
constexpr int64_t kQ40Bytes = 18;
constexpr int64_t kQ41Bytes = 20;

inline float half_at(const uint8_t* p) { return _cvtsh_ss(static_cast<uint16_t>(p[0] | p[1] << 8)); }

inline void block_q8_0(const uint8_t* b, float* y) {
  const V d = set1(half_at(b));
  const auto* q = reinterpret_cast<const int8_t*>(b + 2);
  for (int i = 0; i < kBlock; i += kLanes) store(y + i, mul(from_i8(q + i), d));
}

inline void nibbles(const uint8_t* q, int8_t* out) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(q));
  const __m128i low = _mm_set1_epi8(15);
  _mm_store_si128(reinterpret_cast<__m128i*>(out), _mm_and_si128(bytes, low));
  _mm_store_si128(reinterpret_cast<__m128i*>(out + 16), _mm_and_si128(_mm_srli_epi16(bytes, 4), low));
}

inline void block_q4_0(const uint8_t* b, float* y) {
  alignas(32) int8_t q[kBlock];
  nibbles(b + 2, q);
  const V d = set1(half_at(b));
  for (int i = 0; i < kBlock; i += kLanes) store(y + i, mul(sub(from_i8(q + i), set1(8.0f)), d));
}

inline void block_q4_1(const uint8_t* b, float* y) {
  alignas(32) int8_t q[kBlock];
  nibbles(b + 4, q);
  const V d = set1(half_at(b));
  const V m = set1(half_at(b + 2));
  for (int i = 0; i < kBlock; i += kLanes) store(y + i, add(mul(from_i8(q + i), d), m));
}

template <class F>
inline void from_halves(const uint16_t* x, float* y, int64_t n_all, F f) {
  for_lanes(
      n_all, [&](int64_t i) { store(y + i, f(load_halves(x + i))); },
      [&](int64_t i, int64_t n) { store(y + i, f(load_halves(x + i, n)), first(n)); });
}

template <class F>
inline void to_halves(const float* x, uint16_t* y, int64_t n_all, F f) {
  for_lanes(
      n_all, [&](int64_t i) { store_halves(y + i, f(load(x + i))); },
      [&](int64_t i, int64_t n) { store_halves(y + i, f(load(x + i, first(n))), n); });
}

}  // namespace

void row_to_f32(uint16_t dtype, const void* row, float* y, int64_t n) {
  const auto* bytes = static_cast<const uint8_t*>(row);
  const auto* halves = static_cast<const uint16_t*>(row);
  switch (dtype) {
    case BP_DT_F32:
      __builtin_memcpy(y, row, static_cast<uint64_t>(n) * sizeof(float));
      return;
    case BP_DT_F16:
      return from_halves(halves, y, n, [](Halves h) { return f16_to_f32(h); });
    case BP_DT_BF16:
      return from_halves(halves, y, n, [](Halves h) { return bf16_to_f32(h); });
    case BP_DT_Q8_0:
      for (int64_t b = 0; b < n / kBlock; ++b) block_q8_0(bytes + b * kQ8Bytes, y + b * kBlock);
      return;
    case BP_DT_Q4_0:
      for (int64_t b = 0; b < n / kBlock; ++b) block_q4_0(bytes + b * kQ40Bytes, y + b * kBlock);
      return;
    case BP_DT_Q4_1:
      for (int64_t b = 0; b < n / kBlock; ++b) block_q4_1(bytes + b * kQ41Bytes, y + b * kBlock);
      return;
    default:
      return;
  }
}

void row_from_f32(uint16_t dtype, const float* x, void* row, int64_t n) {
  auto* halves = static_cast<uint16_t*>(row);
  switch (dtype) {
    case BP_DT_F32:
      __builtin_memcpy(row, x, static_cast<uint64_t>(n) * sizeof(float));
      return;
    case BP_DT_F16:
      return to_halves(x, halves, n, [](V v) { return f32_to_f16(v); });
    case BP_DT_BF16:
      return to_halves(x, halves, n, [](V v) { return f32_to_bf16(v); });
    default:
      return;
  }
}

}  // namespace bp::cpu::BP_CPU_ISA
