#include "quant/quant.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "quant/formats.h"

namespace bp {
namespace {

constexpr float kUnlimited = std::numeric_limits<float>::infinity();
constexpr float kLargestF16 = 65504.0f;

struct Format {
  DType dtype;
  void (*decode)(const std::byte* src, float* dst, int64_t n_blocks);
  // Null where the format is not written, or only with weights.
  void (*encode)(const float* src, std::byte* dst, int64_t n_blocks);
  // Null where weights make no difference.
  void (*encode_weighted)(const float* src, const float* weight, std::byte* dst, int64_t n_blocks);

  float largest = kUnlimited;  // magnitude that its scales can express

  bool is_written() const { return encode != nullptr || encode_weighted != nullptr; }
};

constexpr std::array kFormats = {
    Format{DType::kF32, quant::decode_f32, quant::encode_f32, nullptr},
    Format{DType::kF16, quant::decode_f16, quant::encode_f16, nullptr},
    Format{DType::kBF16, quant::decode_bf16, quant::encode_bf16, nullptr},
    Format{DType::kFp8E4M3, quant::decode_fp8_e4m3, quant::encode_fp8_e4m3, nullptr},
    Format{DType::kFp8E5M2, quant::decode_fp8_e5m2, quant::encode_fp8_e5m2, nullptr},
    Format{DType::kE8M0, quant::decode_e8m0, quant::encode_e8m0, nullptr},
    Format{DType::kQ8_0, quant::decode_q8_0, quant::encode_q8_0, nullptr, 127 * kLargestF16},
    Format{DType::kQ4_0, quant::decode_q4_0, quant::encode_q4_0, quant::encode_weighted_q4_0, 8 * kLargestF16},
    Format{DType::kQ4_1, quant::decode_q4_1, quant::encode_q4_1, quant::encode_weighted_q4_1, kLargestF16},
    Format{DType::kQ5_0, quant::decode_q5_0, quant::encode_q5_0, quant::encode_weighted_q5_0, 16 * kLargestF16},
    Format{DType::kQ5_1, quant::decode_q5_1, quant::encode_q5_1, quant::encode_weighted_q5_1, kLargestF16},
    Format{DType::kMXFP4, quant::decode_mxfp4, quant::encode_mxfp4, nullptr},
    Format{DType::kQ2_K, quant::decode_q2_k, nullptr, quant::encode_q2_k, kLargestF16},
    Format{DType::kQ3_K, quant::decode_q3_k, nullptr, quant::encode_q3_k, kLargestF16},
    Format{DType::kQ4_K, quant::decode_q4_k, nullptr, quant::encode_q4_k, kLargestF16},
    Format{DType::kQ5_K, quant::decode_q5_k, nullptr, quant::encode_q5_k, kLargestF16},
    Format{DType::kQ6_K, quant::decode_q6_k, nullptr, quant::encode_q6_k, kLargestF16},
    Format{DType::kIQ4_NL, quant::decode_iq4_nl, nullptr, nullptr},
    Format{DType::kIQ4_XS, quant::decode_iq4_xs, nullptr, nullptr},
};

const Format* find_format(DType dtype) {
  for (const Format& format : kFormats) {
    if (format.dtype == dtype) return &format;
  }
  return nullptr;
}

Status check_values(std::span<const float> values, const Format& format) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return fail(ErrorCode::kFailed, "quant", fmt::format("element {} is {}", i, values[i]), "use f16 or f32");
    }
    if (std::fabs(values[i]) > format.largest) {
      return fail(
          ErrorCode::kFailed, "quant",
          fmt::format("element {} is {}, {} reaches {}", i, values[i], dtype_name(format.dtype), format.largest),
          "use bf16 or f32");
    }
  }
  return {};
}

// The weights of a row's squared errors. What no importance speaks for counts a little, so that its levels stay sane.
Result<std::vector<float>> weights_of(std::span<const float> importance, int64_t n, int64_t block) {
  constexpr float kLeast = 1e-4f;  // of the block's mean
  if (importance.empty()) return std::vector<float>(static_cast<size_t>(n), 1.0f);
  if (importance.size() != static_cast<size_t>(n)) {
    return fail(ErrorCode::kFailed, "quant", fmt::format("{} importances for {} elements", importance.size(), n),
                "the importance matrix is not of this model");
  }
  for (size_t i = 0; i < importance.size(); ++i) {
    if (!std::isfinite(importance[i]) || importance[i] < 0.0f) {
      return fail(ErrorCode::kFailed, "quant", fmt::format("the importance of element {} is {}", i, importance[i]),
                  "make the importance matrix again");
    }
  }
  std::vector<float> weights(importance.begin(), importance.end());
  for (auto at = weights.begin(); at != weights.end(); at += block) {
    const double sum = std::accumulate(at, at + block, 0.0);
    // Scaled to a mean of 1, which keeps products of weights and values within float32.
    const double scale = sum > 0.0 ? static_cast<double>(block) / sum : 0.0;
    std::transform(at, at + block, at, [&](float weight) {
      return sum > 0.0 ? static_cast<float>(static_cast<double>(weight) * scale) + kLeast : 1.0f;
    });
  }
  return weights;
}

}  // namespace

bool can_decode(DType dtype) { return find_format(dtype) != nullptr; }

bool can_encode(DType dtype) {
  const Format* format = find_format(dtype);
  return format != nullptr && format->is_written();
}

void decode_row(DType dtype, const std::byte* src, float* dst, int64_t n) {
  const Format* format = find_format(dtype);
  BP_CHECK(format != nullptr, "dtype {}", static_cast<int>(dtype));
  const int64_t block = dtype_info(dtype).block_elements;
  BP_CHECK(n % block == 0, "{} elements of {}", n, dtype_name(dtype));
  format->decode(src, dst, n / block);
}

Status encode_row(DType dtype, const float* src, std::byte* dst, int64_t n, std::span<const float> importance) {
  const Format* format = find_format(dtype);
  if (format == nullptr || !format->is_written()) {
    return fail(ErrorCode::kUnsupported, "quant", fmt::format("cannot encode {}", dtype_name(dtype)),
                "use f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, mxfp4 or q2_k to q6_k");
  }
  const int64_t block = dtype_info(dtype).block_elements;
  if (n < 0 || n % block != 0) {
    return fail(ErrorCode::kFailed, "quant",
                fmt::format("{} elements do not fill blocks of {} ({})", n, block, dtype_name(dtype)), "use f16");
  }
  if (block > 1) BP_TRY_VOID(check_values({src, static_cast<size_t>(n)}, *format));
  if (format->encode_weighted == nullptr || (importance.empty() && format->encode != nullptr)) {
    format->encode(src, dst, n / block);
    return {};
  }
  BP_TRY(const std::vector<float> weights, weights_of(importance, n, block));
  format->encode_weighted(src, weights.data(), dst, n / block);
  return {};
}

}  // namespace bp
