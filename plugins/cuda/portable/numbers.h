// Elements of every dtype as float32, and back: byte for byte what plugin.h and the GGUF formats say. The order of the
// float operations is that of the formats' definition; the files that include this are compiled without contraction.
#pragma once

#include <backplane/plugin_region.hpp>
#if defined(__HIPCC__)
#include <hip/hip_bf16.h>
#include <hip/hip_fp16.h>
#elif defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

#include <type_traits>

#include "launch.h"

namespace bp::gpu {

using plugin::block_size;
using plugin::BlockSize;
using plugin::bytes_of;

// ---- which types a kernel is compiled for ----

template <int... kTypes>
struct Types {
  static constexpr bool has(int dtype) { return ((dtype == kTypes) || ...); }
};
using PlainTypes = Types<BP_DT_F32, BP_DT_F16, BP_DT_BF16>;
// What dequant reads: no blocks.
using NumberTypes = Types<BP_DT_F32, BP_DT_F16, BP_DT_BF16, BP_DT_I8, BP_DT_U8, BP_DT_FP8_E4M3, BP_DT_FP8_E5M2,
                          BP_DT_E8M0, BP_DT_I4, BP_DT_U4, BP_DT_FP4_E2M1>;
using BlockTypes = Types<BP_DT_Q4_0, BP_DT_Q4_1, BP_DT_Q5_0, BP_DT_Q5_1, BP_DT_Q8_0, BP_DT_Q2_K, BP_DT_Q3_K, BP_DT_Q4_K,
                         BP_DT_Q5_K, BP_DT_Q6_K, BP_DT_IQ4_NL, BP_DT_IQ4_XS, BP_DT_MXFP4>;

template <int... kA, int... kB>
constexpr Types<kA..., kB...> operator+(Types<kA...>, Types<kB...>) {
  return {};
}

template <int kType>
using TypeConstant = std::integral_constant<int, kType>;

// Calls f(TypeConstant<dtype>()). False: it is none of them.
template <int... kTypes, class F>
bool with_type(Types<kTypes...>, int dtype, F f) {
  return ((dtype == kTypes && (f(TypeConstant<kTypes>()), true)) || ...);
}

#if defined(__CUDACC__) || defined(__HIPCC__)
__device__ inline int load_u16(const uint8_t* at) { return at[0] | at[1] << 8; }
__device__ inline uint32_t load_u32(const uint8_t* at) {
  return static_cast<uint32_t>(load_u16(at)) | static_cast<uint32_t>(load_u16(at + 2)) << 16;
}
__device__ inline float half_at(const uint8_t* at) {
  return __half2float(__ushort_as_half(static_cast<unsigned short>(load_u16(at))));
}
// Of 32 elements whose nibbles are one half in the lower, the other in the upper.
__device__ inline int nibble_at(const uint8_t* at, int i) { return at[i % 16] >> i / 16 * 4 & 15; }

__device__ inline float minifloat(int code, int mantissa_bits, int bias, bool e4m3) {
  const float sign = (code & 0x80) != 0 ? -1.0f : 1.0f;
  const int magnitude = code & 0x7f;
  const int exponent = magnitude >> mantissa_bits, mantissa = magnitude & ((1 << mantissa_bits) - 1);
  if (e4m3 ? magnitude == 0x7f : magnitude > 0x7c) return NAN;
  if (!e4m3 && magnitude == 0x7c) return sign * INFINITY;
  const int hidden = exponent == 0 ? 0 : 1 << mantissa_bits;
  return sign * ldexpf(static_cast<float>(mantissa + hidden), (exponent == 0 ? 1 : exponent) - bias - mantissa_bits);
}

__device__ inline float fp4(int code) {
  const float levels[8] = {0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f};
  return code < 8 ? levels[code] : -levels[code - 8];
}

__device__ inline float iq4_level(int code) {
  const signed char levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  return static_cast<float>(levels[code]);
}

struct ScaleAndMin {
  int scale, minimum;
};
// Of sub-block j in the twelve bytes that q4_k and q5_k begin with after d and dmin.
__device__ inline ScaleAndMin k_scale(const uint8_t* at, int j) {
  if (j < 4) return {at[j] & 63, at[j + 4] & 63};
  return {(at[j + 4] & 15) | at[j - 4] >> 6 << 4, at[j + 4] >> 4 | at[j] >> 6 << 4};
}
__device__ inline float k_value(const uint8_t* block, int j, int level) {
  const ScaleAndMin s = k_scale(block + 4, j);
  return half_at(block) * static_cast<float>(s.scale) * static_cast<float>(level) -
         half_at(block + 2) * static_cast<float>(s.minimum);
}

// Element i of the block at `b`.
template <int kType>
__device__ inline float block_element(const uint8_t* b, int i) {
  if constexpr (kType == BP_DT_Q8_0) {
    return static_cast<float>(static_cast<int8_t>(b[2 + i])) * half_at(b);
  } else if constexpr (kType == BP_DT_Q4_0) {
    return half_at(b) * static_cast<float>(nibble_at(b + 2, i) - 8);
  } else if constexpr (kType == BP_DT_Q4_1) {
    return half_at(b) * static_cast<float>(nibble_at(b + 4, i)) + half_at(b + 2);
  } else if constexpr (kType == BP_DT_Q5_0) {
    const int high = static_cast<int>(load_u32(b + 2) >> i & 1);
    return half_at(b) * static_cast<float>((nibble_at(b + 6, i) | high << 4) - 16);
  } else if constexpr (kType == BP_DT_Q5_1) {
    const int high = static_cast<int>(load_u32(b + 4) >> i & 1);
    return half_at(b) * static_cast<float>(nibble_at(b + 8, i) | high << 4) + half_at(b + 2);
  } else if constexpr (kType == BP_DT_IQ4_NL) {
    return half_at(b) * iq4_level(nibble_at(b + 2, i));
  } else if constexpr (kType == BP_DT_MXFP4) {
    // Twice the e2m1 numbers times half the power of two, which then never overflows.
    const uint32_t e = b[0];
    return __uint_as_float(e < 2 ? 0x00200000u << e : (e - 1) << 23) * (2.0f * fp4(nibble_at(b + 1, i)));
  } else if constexpr (kType == BP_DT_Q2_K) {
    const int j = i / 16, q = b[16 + j / 8 * 32 + i % 32] >> j % 8 / 2 * 2 & 3;
    return half_at(b + 80) * static_cast<float>(b[j] & 15) * static_cast<float>(q) -
           half_at(b + 82) * static_cast<float>(b[j] >> 4);
  } else if constexpr (kType == BP_DT_Q3_K) {
    const int j = i / 16;
    const int scale = ((b[96 + j % 8] >> j / 8 * 4 & 15) | (b[104 + j % 4] >> j / 4 * 2 & 3) << 4) - 32;
    const int q = (b[32 + j / 8 * 32 + i % 32] >> j % 8 / 2 * 2 & 3) | (b[i % 32] >> j / 2 & 1) << 2;
    return half_at(b + 108) * static_cast<float>(scale) * static_cast<float>(q - 4);
  } else if constexpr (kType == BP_DT_Q4_K) {
    const int j = i / 32;
    return k_value(b, j, b[16 + j / 2 * 32 + i % 32] >> j % 2 * 4 & 15);
  } else if constexpr (kType == BP_DT_Q5_K) {
    const int j = i / 32;
    return k_value(b, j, (b[48 + j / 2 * 32 + i % 32] >> j % 2 * 4 & 15) | (b[16 + i % 32] >> j & 1) << 4);
  } else if constexpr (kType == BP_DT_Q6_K) {
    const int j = i / 16;
    const int low = b[j / 8 * 64 + i % 64] >> j % 8 / 4 * 4 & 15;
    const int high = b[128 + j / 8 * 32 + i % 32] >> j % 8 / 2 * 2 & 3;
    return half_at(b + 208) * static_cast<float>(static_cast<int8_t>(b[192 + j])) *
           static_cast<float>((low | high << 4) - 32);
  } else {
    static_assert(kType == BP_DT_IQ4_XS, "no block format");
    const int j = i / 32;
    const int s = (b[4 + j / 2] >> j % 2 * 4 & 15) | (load_u16(b + 2) >> 2 * j & 3) << 4;
    return half_at(b) * static_cast<float>(s - 32) * iq4_level(nibble_at(b + 8 + j * 16, i % 32));
  }
}

// Element i of a row that begins at `row`.
template <int kType>
__device__ inline float element(const uint8_t* row, int64_t i) {
  if constexpr (kType == BP_DT_F32) {
    return reinterpret_cast<const float*>(row)[i];
  } else if constexpr (kType == BP_DT_F16) {
    return __half2float(reinterpret_cast<const __half*>(row)[i]);
  } else if constexpr (kType == BP_DT_BF16) {
    return __uint_as_float(static_cast<uint32_t>(reinterpret_cast<const uint16_t*>(row)[i]) << 16);
  } else if constexpr (kType == BP_DT_F64) {
    return static_cast<float>(reinterpret_cast<const double*>(row)[i]);
  } else if constexpr (kType == BP_DT_I8) {
    return static_cast<float>(static_cast<int8_t>(row[i]));
  } else if constexpr (kType == BP_DT_U8) {
    return static_cast<float>(row[i]);
  } else if constexpr (kType == BP_DT_BOOL) {
    return row[i] != 0 ? 1.0f : 0.0f;
  } else if constexpr (kType == BP_DT_FP8_E4M3) {
    return minifloat(row[i], 3, 7, true);
  } else if constexpr (kType == BP_DT_FP8_E5M2) {
    return minifloat(row[i], 2, 15, false);
  } else if constexpr (kType == BP_DT_E8M0) {
    return row[i] == 255 ? NAN : ldexpf(1.0f, row[i] - 127);
  } else if constexpr (kType == BP_DT_I4 || kType == BP_DT_U4 || kType == BP_DT_FP4_E2M1) {
    const int code = row[i / 2] >> i % 2 * 4 & 15;
    if constexpr (kType == BP_DT_FP4_E2M1) return fp4(code);
    return static_cast<float>(kType == BP_DT_I4 && code > 7 ? code - 16 : code);
  } else {
    constexpr BlockSize size = block_size(kType);
    return block_element<kType>(row + i / size.elements * size.bytes, static_cast<int>(i % size.elements));
  }
}

// Of a row of any of the types.
template <int... kTypes>
__device__ inline float element_of(Types<kTypes...>, int dtype, const uint8_t* row, int64_t i) {
  float value = 0.0f;
  static_cast<void>(((dtype == kTypes && (value = element<kTypes>(row, i), true)) || ...));
  return value;
}

__device__ inline float load_float(int dtype, const void* data, int64_t i) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  switch (dtype) {
    case BP_DT_F32:
      return element<BP_DT_F32>(bytes, i);
    case BP_DT_F16:
      return element<BP_DT_F16>(bytes, i);
    case BP_DT_BF16:
      return element<BP_DT_BF16>(bytes, i);
    default:
      return element<BP_DT_F64>(bytes, i);
  }
}

__device__ inline int64_t load_int(int dtype, const void* data, int64_t i) {
  switch (dtype) {
    case BP_DT_I8:
      return static_cast<const int8_t*>(data)[i];
    case BP_DT_U8:
      return static_cast<const uint8_t*>(data)[i];
    case BP_DT_BOOL:
      return static_cast<const uint8_t*>(data)[i] != 0;
    case BP_DT_I16:
      return static_cast<const int16_t*>(data)[i];
    case BP_DT_I32:
      return static_cast<const int32_t*>(data)[i];
    default:
      return static_cast<const int64_t*>(data)[i];
  }
}

__device__ inline void store_float(int dtype, void* data, int64_t i, float value) {
  switch (dtype) {
    case BP_DT_F32:
      static_cast<float*>(data)[i] = value;
      return;
    case BP_DT_F16:
      static_cast<__half*>(data)[i] = __float2half_rn(value);
      return;
    case BP_DT_BF16:
      static_cast<uint16_t*>(data)[i] = __bfloat16_as_ushort(__float2bfloat16(value));
      return;
    default:
      static_cast<double*>(data)[i] = value;
      return;
  }
}

// `value` modulo the type's range.
__device__ inline void store_int(int dtype, void* data, int64_t i, int64_t value) {
  switch (dtype) {
    case BP_DT_BOOL:
      static_cast<uint8_t*>(data)[i] = value != 0;
      return;
    case BP_DT_I8:
    case BP_DT_U8:
      static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(value);
      return;
    case BP_DT_I16:
      static_cast<int16_t*>(data)[i] = static_cast<int16_t>(value);
      return;
    case BP_DT_I32:
      static_cast<int32_t*>(data)[i] = static_cast<int32_t>(value);
      return;
    default:
      static_cast<int64_t*>(data)[i] = value;
      return;
  }
}
#endif

BP_HOST_DEVICE constexpr bool is_float(int dtype) {
  return dtype == BP_DT_F32 || dtype == BP_DT_F16 || dtype == BP_DT_BF16 || dtype == BP_DT_F64;
}
BP_HOST_DEVICE constexpr bool is_whole(int dtype) {
  return dtype == BP_DT_I8 || dtype == BP_DT_U8 || dtype == BP_DT_I16 || dtype == BP_DT_I32 || dtype == BP_DT_I64 ||
         dtype == BP_DT_BOOL;
}

}  // namespace bp::gpu
