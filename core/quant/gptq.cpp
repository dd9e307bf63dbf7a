#include <fmt/format.h>

#include "quant/int_words.h"

namespace bp::quant {
namespace {

struct Shape {
  int64_t n, k, group_size;
  int bits;
  int64_t per_word() const { return 32 / bits; }
  int64_t n_groups() const { return k / group_size; }
};

Result<Shape> shape_of(const GptqTensors& tensors, int64_t group_size, int bits, const std::string& where) {
  if (bits != 4 && bits != 8) {
    return fail(ErrorCode::kUnsupported, where, fmt::format("is GPTQ of {} bits", bits), "take a model of 4 or 8 bits");
  }
  const std::vector<int64_t>& dims = tensors.qweight.dims;
  if (dims.size() != 2 || dims[0] < 1 || dims[1] < 1 || dims[0] > INT32_MAX / 8 || dims[1] > INT32_MAX ||
      dims[1] % (32 / bits) != 0) {
    return fail(ErrorCode::kRefused, where,
                fmt::format("qweight is no matrix of {} or more columns, a multiple of that", 32 / bits),
                "the model is not what its quantization_config says");
  }
  Shape shape{dims[1], dims[0] * (32 / bits), 0, bits};
  BP_TRY(shape.group_size, resolve_group_size(group_size, shape.k, where));
  return shape;
}

Result<std::vector<std::byte>> unpack_zeros(const TensorBytes& qzeros, const Shape& shape, bool less_one,
                                            const std::string& where) {
  std::vector<std::byte> zeros(static_cast<size_t>(shape.n * shape.n_groups()));
  const int64_t per_word = shape.per_word(), n_words = shape.n / per_word;
  const uint32_t mask = (1u << shape.bits) - 1;
  for (int64_t i = 0; i < shape.n_groups() * n_words; ++i) {
    for (int64_t j = 0; j < per_word; ++j) {
      const uint32_t zero = (word_at(qzeros, i) >> shape.bits * j & mask) + (less_one ? 1 : 0);
      if (zero > 255) {
        return fail(ErrorCode::kRefused, where, "qzeros hold a zero of 256, beyond the range of 8-bit weights",
                    "convert the model again, as gptq_v2");
      }
      zeros[static_cast<size_t>((i % n_words * per_word + j) * shape.n_groups() + i / n_words)] =
          static_cast<std::byte>(zero);
    }
  }
  return zeros;
}

// Where each column goes so that every group's columns lie together, in their order; empty where they do already.
Result<std::vector<int32_t>> permutation(const TensorBytes& g_idx, const Shape& shape, const std::string& where) {
  std::vector<int64_t> taken(static_cast<size_t>(shape.n_groups()), 0);
  std::vector<int32_t> perm(static_cast<size_t>(shape.k));
  bool in_order = true;
  for (int64_t column = 0; column < shape.k; ++column) {
    const auto group = static_cast<int32_t>(word_at(g_idx, column));
    if (group < 0 || group >= shape.n_groups()) {
      return fail(ErrorCode::kRefused, where,
                  fmt::format("g_idx[{}] = {}, of {} groups", column, group, shape.n_groups()),
                  "the model is damaged, download it again");
    }
    int64_t& n_taken = taken[static_cast<size_t>(group)];
    if (n_taken == shape.group_size) {
      return fail(ErrorCode::kUnsupported, where,
                  fmt::format("g_idx puts more than {} columns into group {}", shape.group_size, group),
                  "take a quantisation whose groups are of one size");
    }
    perm[static_cast<size_t>(column)] = static_cast<int32_t>(group * shape.group_size + n_taken++);
    in_order = in_order && perm[static_cast<size_t>(column)] == column;
  }
  if (in_order) perm.clear();
  return perm;
}

// Moves element k of each row to perm[k].
void permute_rows(std::vector<std::byte>& w, const Shape& shape, const std::vector<int32_t>& perm) {
  const auto row_bytes = static_cast<size_t>(shape.k * shape.bits / 8);
  std::vector<std::byte> row(row_bytes);
  for (int64_t n = 0; n < shape.n; ++n) {
    std::byte* at = w.data() + static_cast<size_t>(n) * row_bytes;
    std::memcpy(row.data(), at, row_bytes);
    if (shape.bits == 4) std::memset(at, 0, row_bytes);
    for (size_t k = 0; k < perm.size(); ++k) {
      const auto p = static_cast<size_t>(perm[k]);
      if (shape.bits == 8) {
        at[p] = row[k];
      } else {
        at[p / 2] |= (row[k / 2] >> k % 2 * 4 & std::byte{15}) << p % 2 * 4;
      }
    }
  }
}

}  // namespace

Result<DequantOperands> unpack_gptq(const GptqTensors& tensors, int64_t group_size, const GptqOptions& options,
                                    const std::string& where) {
  BP_TRY(const Shape shape, shape_of(tensors, group_size, options.bits, where));
  const int64_t per_word = shape.per_word();
  BP_TRY_VOID(expect_tensor(tensors.qweight, kIntWord, {shape.k / per_word, shape.n}, "qweight", where));
  BP_TRY_VOID(expect_tensor(tensors.qzeros, kIntWord, {shape.n_groups(), shape.n / per_word}, "qzeros", where));
  BP_TRY_VOID(expect_tensor(tensors.scales, kScaleTypes, {shape.n_groups(), shape.n}, "scales", where));
  DequantOperands out;
  out.n = shape.n;
  out.k = shape.k;
  out.group_size = shape.group_size;
  out.w_dtype = shape.bits == 4 ? DType::kU4 : DType::kU8;
  out.scales_dtype = tensors.scales.dtype;
  BP_TRY(out.zeros, unpack_zeros(tensors.qzeros, shape, options.zeros_less_one, where));
  if (tensors.g_idx.dtype != DType::kInvalid) {
    BP_TRY_VOID(expect_tensor(tensors.g_idx, kIntWord, {shape.k}, "g_idx", where));
    BP_TRY(out.perm, permutation(tensors.g_idx, shape, where));
  }
  out.scales.resize(tensors.scales.bytes.size());
  transpose_bytes(tensors.scales.bytes.data(), out.scales.data(), shape.n_groups(), shape.n,
                  dtype_info(out.scales_dtype).block_bytes);
  // A word holds consecutive columns of one row from its lowest bits up, which is how w has them in memory.
  out.w.resize(tensors.qweight.bytes.size());
  transpose_bytes(tensors.qweight.bytes.data(), out.w.data(), shape.k / per_word, shape.n, sizeof(uint32_t));
  if (!out.perm.empty()) permute_rows(out.w, shape, out.perm);
  return out;
}

}  // namespace bp::quant
