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
  void (*encode)(const float* src, std::byte* dst, int64_t n_blocks);  // null: decoded only
};

constexpr std::array kFormats = {
    Format{DType::kF32, quant::decode_f32, quant::encode_f32},
    Format{DType::kF16, quant::decode_f16, quant::encode_f16},
    Format{DType::kBF16, quant::decode_bf16, quant::encode_bf16},
    Format{DType::kFp8E4M3, quant::decode_fp8_e4m3, quant::encode_fp8_e4m3},
    Format{DType::kFp8E5M2, quant::decode_fp8_e5m2, quant::encode_fp8_e5m2},
    Format{DType::kE8M0, quant::decode_e8m0, quant::encode_e8m0},
    Format{DType::kQ8_0, quant::decode_q8_0, quant::encode_q8_0},
    Format{DType::kQ4_0, quant::decode_q4_0, quant::encode_q4_0},
    Format{DType::kQ4_1, quant::decode_q4_1, quant::encode_q4_1},
    Format{DType::kQ5_0, quant::decode_q5_0, quant::encode_q5_0},
    Format{DType::kQ5_1, quant::decode_q5_1, quant::encode_q5_1},
    Format{DType::kQ2_K, quant::decode_q2_k, nullptr},
    Format{DType::kQ3_K, quant::decode_q3_k, nullptr},
    Format{DType::kQ4_K, quant::decode_q4_k, nullptr},
    Format{DType::kQ5_K, quant::decode_q5_k, nullptr},
    Format{DType::kQ6_K, quant::decode_q6_k, nullptr},
    Format{DType::kIQ4_NL, quant::decode_iq4_nl, nullptr},
    Format{DType::kIQ4_XS, quant::decode_iq4_xs, nullptr},
    Format{DType::kMXFP4, quant::decode_mxfp4, quant::encode_mxfp4},
};

const Format* find_format(DType dtype) {
  for (const Format& format : kFormats) {
    if (format.dtype == dtype) return &format;
  }
  return nullptr;
}

}  // namespace

bool can_decode(DType dtype) { return find_format(dtype) != nullptr; }

bool can_encode(DType dtype) {
  const Format* format = find_format(dtype);
  return format != nullptr && format->encode != nullptr;
}

void decode_row(DType dtype, const std::byte* src, float* dst, int64_t n) {
  const Format* format = find_format(dtype);
  BP_CHECK(format != nullptr, "dtype {}", static_cast<int>(dtype));
  const int64_t block = dtype_info(dtype).block_elements;
  BP_CHECK(n % block == 0, "{} elements of {}", n, dtype_name(dtype));
  format->decode(src, dst, n / block);
}

Status encode_row(DType dtype, const float* src, std::byte* dst, int64_t n) {
  const Format* format = find_format(dtype);
  if (format == nullptr || format->encode == nullptr) {
    return fail(ErrorCode::kUnsupported, "quant", fmt::format("cannot encode {}", dtype_name(dtype)),
                "use f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1 or mxfp4");
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
