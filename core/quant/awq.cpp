#include <fmt/format.h>

#include <algorithm>

#include "quant/int_words.h"

namespace bp::quant {
namespace {

constexpr int kPerWord = 8;
// Nibble j of a word is column kOrder[j] of its eight.
constexpr std::array<int, kPerWord> kOrder = {0, 2, 4, 6, 1, 3, 5, 7};
constexpr int64_t kTile = 64;  // words of a row that are worked on together

// Eight rows of one word column become four bytes in each of eight rows of w.
void unpack_square(const std::byte* src, int64_t row_stride_bytes, std::byte* dst, int64_t dst_stride_bytes) {
  std::array<uint32_t, kPerWord> words;
  for (int i = 0; i < kPerWord; ++i) words[static_cast<size_t>(i)] = load_u32(src + i * row_stride_bytes);
  for (int j = 0; j < kPerWord; ++j) {
    uint32_t out = 0;
    for (int i = 0; i < kPerWord; ++i) out |= (words[static_cast<size_t>(i)] >> 4 * j & 15u) << 4 * i;
    store_u32(dst + kOrder[static_cast<size_t>(j)] * dst_stride_bytes, out);
  }
}

std::vector<std::byte> unpack_weights(const TensorBytes& qweight, int64_t n, int64_t k) {
  std::vector<std::byte> w(static_cast<size_t>(n * k / 2));
  const int64_t n_words = n / kPerWord;
  for (int64_t first = 0; first < n_words; first += kTile) {
    for (int64_t row = 0; row < k; row += kPerWord) {
      for (int64_t c = first; c < std::min(first + kTile, n_words); ++c) {
        unpack_square(qweight.bytes.data() + 4 * (row * n_words + c), 4 * n_words,
                      w.data() + c * kPerWord * (k / 2) + row / 2, k / 2);
      }
    }
  }
  return w;
}

std::vector<std::byte> unpack_zeros(const TensorBytes& qzeros, int64_t n, int64_t n_groups) {
  std::vector<std::byte> zeros(static_cast<size_t>(n * n_groups));
  const int64_t n_words = n / kPerWord;
  for (int64_t i = 0; i < n_groups * n_words; ++i) {
    for (int j = 0; j < kPerWord; ++j) {
      const int64_t column = i % n_words * kPerWord + kOrder[static_cast<size_t>(j)];
      zeros[static_cast<size_t>(column * n_groups + i / n_words)] =
          static_cast<std::byte>(word_at(qzeros, i) >> 4 * j & 15u);
    }
  }
  return zeros;
}

}  // namespace

Result<DequantOperands> unpack_awq(const AwqTensors& tensors, int64_t group_size, const std::string& where) {
  const std::vector<int64_t>& dims = tensors.qweight.dims;
  if (dims.size() != 2 || dims[0] < 1 || dims[1] < 1 || dims[1] > INT32_MAX || dims[0] > INT32_MAX ||
      dims[0] % kPerWord != 0) {
    return fail(ErrorCode::kRefused, where, "qweight is no matrix of 8 or more rows, a multiple of 8",
                "the model is not AWQ of 4 bits in the version \"gemm\"");
  }
  DequantOperands out;
  out.k = dims[0];
  out.n = dims[1] * kPerWord;
  BP_TRY(out.group_size, resolve_group_size(group_size, out.k, where));
  const int64_t n_groups = out.k / out.group_size;
  BP_TRY_VOID(expect_tensor(tensors.qweight, kIntWord, {out.k, out.n / kPerWord}, "qweight", where));
  BP_TRY_VOID(expect_tensor(tensors.qzeros, kIntWord, {n_groups, out.n / kPerWord}, "qzeros", where));
  BP_TRY_VOID(expect_tensor(tensors.scales, kScaleTypes, {n_groups, out.n}, "scales", where));
  out.w = unpack_weights(tensors.qweight, out.n, out.k);
  out.zeros = unpack_zeros(tensors.qzeros, out.n, n_groups);
  out.scales_dtype = tensors.scales.dtype;
  out.scales.resize(tensors.scales.bytes.size());
  transpose_bytes(tensors.scales.bytes.data(), out.scales.data(), n_groups, out.n,
                  dtype_info(out.scales_dtype).block_bytes);
  return out;
}

}  // namespace bp::quant
