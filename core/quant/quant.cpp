#include "quant/quant.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/check.h"
#include "quant/formats.h"

namespace bp {
namespace {

struct Format {
  DType dtype;
  void (*decode)(const std::byte* src, float* dst, int64_t n_blocks);
  void (*encode)(const float* src, std::byte* dst, int64_t n_blocks);
};

constexpr std::array kFormats = {
    Format{DType::kF32, quant::decode_f32, quant::encode_f32},
    Format{DType::kF16, quant::decode_f16, quant::encode_f16},
    Format{DType::kBF16, quant::decode_bf16, quant::encode_bf16},
    Format{DType::kQ8_0, quant::decode_q8_0, quant::encode_q8_0},
    Format{DType::kQ4_0, quant::decode_q4_0, quant::encode_q4_0},
    Format{DType::kQ4_1, quant::decode_q4_1, quant::encode_q4_1},
};

const Format* find_format(DType dtype) {
  for (const Format& format : kFormats) {
    if (format.dtype == dtype) return &format;
  }
  return nullptr;
}

}  // namespace

bool can_decode(DType dtype) { return find_format(dtype) != nullptr; }

void decode_row(DType dtype, const std::byte* src, float* dst, int64_t n) {
  const Format* format = find_format(dtype);
  BP_CHECK(format != nullptr, "dtype {}", static_cast<int>(dtype));
  const int64_t block = dtype_info(dtype).block_elements;
  BP_CHECK(n % block == 0, "{} elements of {}", n, dtype_name(dtype));
  format->decode(src, dst, n / block);
}

Status encode_row(DType dtype, const float* src, std::byte* dst, int64_t n) {
  const Format* format = find_format(dtype);
  if (format == nullptr) {
    return fail(ErrorCode::kUnsupported, "quant", fmt::format("cannot encode {}", dtype_name(dtype)),
                "use f32, f16, bf16, q8_0, q4_0 or q4_1");
  }
  const int64_t block = dtype_info(dtype).block_elements;
  if (n < 0 || n % block != 0) {
    return fail(ErrorCode::kFailed, "quant",
                fmt::format("{} elements do not fill blocks of {} ({})", n, block, dtype_name(dtype)), "use f16");
  }
  for (int64_t i = 0; block > 1 && i < n; ++i) {
    if (!std::isfinite(src[i])) {
      return fail(ErrorCode::kFailed, "quant", fmt::format("element {} is {}", i, src[i]), "use f16 or f32");
    }
  }
  format->encode(src, dst, n / block);
  return {};
}

}  // namespace bp
