#include "reference/element.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "quant/minifloat.h"
#include "quant/quant.h"

namespace bp {
namespace {

template <class T>
T load(const RefTensor& from, int64_t at) {
  T value;
  std::memcpy(&value, from.data + at * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

template <class T>
void store(const RefTensor& to, int64_t at, T value) {
  std::memcpy(to.data + at * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

uint32_t load_nibble(const RefTensor& from, int64_t at) { return load<uint8_t>(from, at / 2) >> (at % 2 * 4) & 0xfu; }

void store_nibble(const RefTensor& to, int64_t at, uint32_t value) {
  const uint32_t kept = load<uint8_t>(to, at / 2) & (at % 2 == 0 ? 0xf0u : 0x0fu);
  store(to, at / 2, static_cast<uint8_t>(kept | (value & 0xfu) << (at % 2 * 4)));
}

float read_float(const RefTensor& from, int64_t at) {
  switch (from.dtype) {
    case DType::kF64:
      return static_cast<float>(load<double>(from, at));
    case DType::kFp4E2M1:
      return decode_minifloat(kE2M1, load_nibble(from, at));
    default:
      return static_cast<float>(read_int(from, at));
  }
}

int64_t to_int(float x, double low, double high) {
  if (std::isnan(x)) return 0;
  // 2^63 is no int64; the largest float below it is what a float can say.
  return static_cast<int64_t>(std::min(std::max(std::nearbyint(static_cast<double>(x)), low), high));
}

int64_t clamped(DType dtype, float x) {
  switch (dtype) {
    case DType::kBool:
      return x != 0.0f;
    case DType::kI4:
      return to_int(x, -8, 7);
    case DType::kU4:
      return to_int(x, 0, 15);
    case DType::kI8:
      return to_int(x, -128, 127);
    case DType::kU8:
      return to_int(x, 0, 255);
    case DType::kI16:
      return to_int(x, -32768, 32767);
    case DType::kI32:
      return to_int(x, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
    default:
      return to_int(x, -0x1p63, 0x1.fffffffffffffp62);
  }
}

void write_float(const RefTensor& to, int64_t at, float x) {
  switch (to.dtype) {
    case DType::kF64:
      return store(to, at, static_cast<double>(x));
    case DType::kFp4E2M1:
      return store_nibble(to, at, encode_minifloat(kE2M1, x));
    default:
      return write_int(to, at, clamped(to.dtype, x));
  }
}

}  // namespace

bool is_readable(DType dtype) { return dtype < DType::kQ4_0 || can_decode(dtype); }
bool is_writable(DType dtype) { return dtype < DType::kQ4_0; }

void read_floats(const RefTensor& from, int64_t first, int64_t n, float* dst) {
  if (n == 0) return;
  if (can_decode(from.dtype)) {
    const auto offset = row_bytes(from.dtype, static_cast<uint64_t>(first));
    BP_CHECK(offset.has_value(), "element {} of {}", first, dtype_name(from.dtype));
    decode_row(from.dtype, from.data + *offset, dst, n);
    return;
  }
  for (int64_t i = 0; i < n; ++i) dst[i] = read_float(from, first + i);
}

void write_floats(const RefTensor& to, int64_t first, int64_t n, const float* src) {
  if (n == 0) return;
  if (can_encode(to.dtype)) {
    std::byte* at = to.data + *row_bytes(to.dtype, static_cast<uint64_t>(first));
    const Status status = encode_row(to.dtype, src, at, n);
    BP_CHECK(status.has_value(), "{}", dtype_name(to.dtype));
    return;
  }
  for (int64_t i = 0; i < n; ++i) write_float(to, first + i, src[i]);
}

int64_t read_int(const RefTensor& from, int64_t at) {
  switch (from.dtype) {
    case DType::kBool:
      return load<uint8_t>(from, at) != 0;
    case DType::kI4:
      return static_cast<int64_t>(load_nibble(from, at) ^ 8u) - 8;
    case DType::kU4:
      return load_nibble(from, at);
    case DType::kI8:
      return load<int8_t>(from, at);
    case DType::kU8:
      return load<uint8_t>(from, at);
    case DType::kI16:
      return load<int16_t>(from, at);
    case DType::kI32:
      return load<int32_t>(from, at);
    case DType::kI64:
      return load<int64_t>(from, at);
    default:
      BP_CHECK(false, "{} is no integer", dtype_name(from.dtype));
  }
}

void write_int(const RefTensor& to, int64_t at, int64_t value) {
  switch (to.dtype) {
    case DType::kBool:
      return store(to, at, static_cast<uint8_t>(value != 0));
    case DType::kI4:
    case DType::kU4:
      return store_nibble(to, at, static_cast<uint32_t>(value & 0xf));
    case DType::kI8:
    case DType::kU8:
      return store(to, at, static_cast<uint8_t>(value & 0xff));
    case DType::kI16:
      return store(to, at, static_cast<int16_t>(value));
    case DType::kI32:
      return store(to, at, static_cast<int32_t>(value));
    case DType::kI64:
      return store(to, at, value);
    default:
      BP_CHECK(false, "{} is no integer", dtype_name(to.dtype));
  }
}

float largest_magnitude(DType dtype) {
  switch (dtype) {
    case DType::kI4:
      return 7.0f;
    case DType::kI8:
      return 127.0f;
    case DType::kFp8E4M3:
      return 448.0f;
    case DType::kFp8E5M2:
      return 57344.0f;
    case DType::kFp4E2M1:
      return 6.0f;
    default:
      BP_CHECK(false, "{} is not quantised symmetrically", dtype_name(dtype));
  }
}

}  // namespace bp
