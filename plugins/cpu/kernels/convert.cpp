#include "kernels/convert.h"

#include <backplane/plugin.h>

#include "kernels/simd.h"
#include "kernels/weight_unpack.h"

namespace bp::cpu::BP_CPU_ISA {
namespace {

inline float from_half(uint16_t h) { return _cvtsh_ss(h); }

// 2^(e - 128)
inline float half_power(uint32_t e) {
  const uint32_t bits = e < 2 ? 0x00200000u << e : (e - 1) << 23;
  float value;
  __builtin_memcpy(&value, &bits, sizeof(value));
  return value;
}

struct Scale {
  float factor, minimum;
};

Scale scale_of(const BlockShape& shape, const UnpackedBlock& block, int sub) {
  const float d = from_half(block.half[0]);
  const float m = from_half(block.half[1]);
  switch (shape.sub_scales) {
    case SubScales::kI8:
      return {d * static_cast<float>(static_cast<int8_t>(block.byte[sub])), 0};
    case SubScales::kU8Min:
      return {d * static_cast<float>(block.byte[2 * sub]), -(m * static_cast<float>(block.byte[2 * sub + 1]))};
    case SubScales::kU4Min:
      return {d * static_cast<float>(block.byte[sub] & 15), -(m * static_cast<float>(block.byte[sub] >> 4))};
    case SubScales::kE8m0:
      return {half_power(block.byte[0]), 0};
    case SubScales::kNone:
    case SubScales::kPanel:
      break;
  }
  return {d, m};
}

// Codes to what they stand for, 0 .. 255 less the offset: they fit in 8 bits with sign.
void to_values(const BlockShape& shape, UnpackedBlock& block, int8_t* out) {
  for (int i = 0; i < shape.block_k; ++i) {
    const int code = block.code[i];
    const int value = shape.table == CodeTable::kIq4   ? kIq4Values[code]
                      : shape.table == CodeTable::kFp4 ? kFp4Values[code]
                                                       : code - shape.offset;
    out[i] = static_cast<int8_t>(value);
  }
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
  const auto* halves = static_cast<const uint16_t*>(row);
  switch (dtype) {
    case BP_DT_F32:
      __builtin_memcpy(y, row, static_cast<uint64_t>(n) * sizeof(float));
      return;
    case BP_DT_F16:
      return from_halves(halves, y, n, [](Halves h) { return f16_to_f32(h); });
    case BP_DT_BF16:
      return from_halves(halves, y, n, [](Halves h) { return bf16_to_f32(h); });
    default:
      return;
  }
}

void block_row_to_f32(WeightFormat format, const std::byte* row, float* y, int64_t n) {
  const BlockShape shape = block_shape(format);
  UnpackedBlock block;
  alignas(64) int8_t value[256];
  for (int64_t k = 0; k < n; k += shape.block_k, row += shape.file_bytes) {
    unpack_block(format, row, block);
    to_values(shape, block, value);
    for (int64_t i = 0; i < shape.block_k; i += shape.sub_k) {
      const Scale scale = scale_of(shape, block, static_cast<int>(i / shape.sub_k));
      for (int64_t at = i; at < i + shape.sub_k; at += kLanes) {
        const V product = mul(from_i8(value + at), set1(scale.factor));
        store(y + k + at, shape.has_minimum() ? add(product, set1(scale.minimum)) : product);
      }
    }
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
