#include "kernels/weight_unpack.h"

#include <emmintrin.h>

#include <algorithm>
#include <cstring>

namespace bp::cpu {
namespace {

inline __m128i load(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
inline void store(uint8_t* p, __m128i v) { _mm_store_si128(reinterpret_cast<__m128i*>(p), v); }
inline __m128i masked(__m128i v, int mask) { return _mm_and_si128(v, _mm_set1_epi8(static_cast<char>(mask))); }
// The bits of each byte from `bit` on, `mask` of them, put at `place`.
inline __m128i field(__m128i v, int bit, int mask, int place) {
  const __m128i low = masked(_mm_srl_epi16(v, _mm_cvtsi32_si128(bit)), mask);
  return _mm_sll_epi16(low, _mm_cvtsi32_si128(place));
}
inline int u8(const std::byte* p, int i) { return std::to_integer<int>(p[i]); }

// 16 bytes: the low nibbles are 16 codes, the high ones the next 16.
void nibbles_of_16(const std::byte* q, uint8_t* code) {
  const __m128i v = load(q);
  store(code, masked(v, 15));
  store(code + 16, field(v, 4, 15, 0));
}

// 32 bytes: the low nibbles are 32 codes, the high ones the next 32.
void nibbles_of_32(const std::byte* q, uint8_t* code) {
  for (int i = 0; i < 32; i += 16) {
    const __m128i v = load(q + i);
    store(code + i, masked(v, 15));
    store(code + 32 + i, field(v, 4, 15, 0));
  }
}

// 16 bytes of two codes each, the lower nibble first.
void nibbles_in_turn(const std::byte* q, uint8_t* code) {
  const __m128i v = load(q);
  const __m128i low = masked(v, 15);
  const __m128i high = field(v, 4, 15, 0);
  store(code, _mm_unpacklo_epi8(low, high));
  store(code + 16, _mm_unpackhi_epi8(low, high));
}

// Pairs of bits: 32 bytes hold 128 codes, 32 at each place.
void pairs(const std::byte* q, uint8_t* code) {
  for (int i = 0; i < 256; i += 16) store(code + i, field(load(q + i / 128 * 32 + i % 32), i % 128 / 32 * 2, 3, 0));
}

// Adds bit i / 32 of byte i % 32 of a mask for 256 codes, at `place`.
void add_bits(const std::byte* mask, int place, uint8_t* code) {
  for (int i = 0; i < 256; i += 16) {
    const __m128i old = load(reinterpret_cast<const std::byte*>(code + i));
    store(code + i, _mm_or_si128(old, field(load(mask + i % 32), i / 32, 1, place)));
  }
}

// Fifth bits of 32 codes, one after another.
void add_fifth_bits(const std::byte* bits, uint8_t* code) {
  for (int i = 0; i < 32; ++i) {
    const int bit = u8(bits, i / 8) >> i % 8 & 1;
    code[i] = static_cast<uint8_t>(code[i] | bit << 4);
  }
}

void codes_q6_k(const std::byte* block, uint8_t* code) {
  for (int half = 0; half < 2; ++half) {
    const std::byte* low = block + 64 * half;
    const std::byte* high = block + 128 + 32 * half;
    for (int i = 0; i < 128; i += 16) {
      const __m128i four = field(load(low + i % 64), i / 64 * 4, 15, 0);
      const __m128i two = field(load(high + i % 32), i / 32 * 2, 3, 4);
      store(code + 128 * half + i, _mm_or_si128(four, two));
    }
  }
}

// Eight scales and eight minima of six bits in 12 bytes, to pairs of bytes.
void record_of_12(const std::byte* p, uint8_t* out) {
  for (int i = 0; i < 4; ++i) {
    const int scale = u8(p, i);
    const int minimum = u8(p, i + 4);
    const int rest = u8(p, i + 8);
    out[2 * i] = static_cast<uint8_t>(scale & 63);
    out[2 * i + 1] = static_cast<uint8_t>(minimum & 63);
    out[2 * (i + 4)] = static_cast<uint8_t>((rest & 15) | (scale >> 6) << 4);
    out[2 * (i + 4) + 1] = static_cast<uint8_t>(rest >> 4 | (minimum >> 6) << 4);
  }
}

// 16 scales of six bits less 32 in 12 bytes.
void record_q3_k(const std::byte* p, uint8_t* out) {
  for (int i = 0; i < 16; ++i) {
    const int low = u8(p, i % 8) >> (i / 8 * 4) & 15;
    const int high = u8(p, 8 + i % 4) >> (i / 4 * 2) & 3;
    out[i] = static_cast<uint8_t>((low | high << 4) - 32);
  }
}

// Eight scales of six bits less 32: two bits each in a word, four each in the bytes after it.
void record_iq4_xs(const std::byte* p, uint8_t* out) {
  const int high = u8(p, 0) | u8(p, 1) << 8;
  for (int i = 0; i < 8; ++i) {
    const int low = u8(p, 2 + i / 2) >> (i % 2 * 4) & 15;
    out[i] = static_cast<uint8_t>((low | (high >> 2 * i & 3) << 4) - 32);
  }
}

}  // namespace

void unpack_record(WeightFormat format, const std::byte* block, UnpackedBlock& out) {
  switch (format) {
    case WeightFormat::kQ4_1:
    case WeightFormat::kQ5_1:
      std::memcpy(out.half, block, 4);
      return;
    case WeightFormat::kQ2K:
      std::memcpy(out.half, block + 80, 4);
      std::memcpy(out.byte, block, 16);
      return;
    case WeightFormat::kQ3K:
      std::memcpy(out.half, block + 108, 2);
      return record_q3_k(block + 96, out.byte);
    case WeightFormat::kQ4K:
    case WeightFormat::kQ5K:
      std::memcpy(out.half, block, 4);
      return record_of_12(block + 4, out.byte);
    case WeightFormat::kQ6K:
      std::memcpy(out.half, block + 208, 2);
      std::memcpy(out.byte, block + 192, 16);
      return;
    case WeightFormat::kIq4Xs:
      std::memcpy(out.half, block, 2);
      return record_iq4_xs(block + 2, out.byte);
    case WeightFormat::kMxfp4:
      std::memcpy(out.byte, block, 1);
      return;
    case WeightFormat::kU4:
      return;
    default:
      std::memcpy(out.half, block, 2);
      return;
  }
}

void unpack_block(WeightFormat format, const std::byte* block, UnpackedBlock& out) {
  unpack_record(format, block, out);
  const std::byte* q = block + std::max<int>(block_shape(format).plane_at, 0);
  switch (format) {
    case WeightFormat::kQ8_0:
      for (int i = 0; i < 32; i += 16) store(out.code + i, _mm_xor_si128(load(q + i), _mm_set1_epi8(-128)));
      return;
    case WeightFormat::kQ5_0:
    case WeightFormat::kQ5_1: {
      const std::byte* bits = block + (format == WeightFormat::kQ5_0 ? 2 : 4);
      nibbles_of_16(bits + 4, out.code);
      return add_fifth_bits(bits, out.code);
    }
    case WeightFormat::kQ2K:
      return pairs(block + 16, out.code);
    case WeightFormat::kQ3K:
      pairs(block + 32, out.code);
      return add_bits(block, 2, out.code);
    case WeightFormat::kQ4K:
      for (int i = 0; i < 4; ++i) nibbles_of_32(block + 16 + 32 * i, out.code + 64 * i);
      return;
    case WeightFormat::kQ5K:
      for (int i = 0; i < 4; ++i) nibbles_of_32(block + 48 + 32 * i, out.code + 64 * i);
      return add_bits(block + 16, 4, out.code);
    case WeightFormat::kQ6K:
      return codes_q6_k(block, out.code);
    case WeightFormat::kIq4Xs:
      for (int i = 0; i < 8; ++i) nibbles_of_16(q + 16 * i, out.code + 32 * i);
      return;
    case WeightFormat::kU4:
      return nibbles_in_turn(q, out.code);
    default:
      return nibbles_of_16(q, out.code);
  }
}

}  // namespace bp::cpu
