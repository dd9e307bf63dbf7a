#include "quant/packed_int.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "quant/quant.h"
#include "read_fixture.h"

namespace bp::quant {
namespace {

using testing::HasSubstr;

// One case of make_packed_fixtures.py: the tensors and their bytes.
struct Packed {
  std::vector<std::byte> qweight, qzeros, scales, g_idx;
  std::vector<float> weight;
  int64_t n, k, group_size, bits;

  Packed(const std::string& name, int64_t n_, int64_t k_, int64_t group_size_, int64_t bits_ = 4)
      : qweight(bytes(name, ".qweight")),
        qzeros(bytes(name, ".qzeros")),
        scales(bytes(name, ".scales")),
        weight(read_fixture<float>("packed/" + name + ".weight")),
        n(n_),
        k(k_),
        group_size(group_size_),
        bits(bits_) {
    if (name.starts_with("gptq")) g_idx = bytes(name, ".g_idx");
  }

  AwqTensors awq() const {
    return {{DType::kI32, {k, n / 8}, qweight},
            {DType::kI32, {k / group_size, n / 8}, qzeros},
            {DType::kF16, {k / group_size, n}, scales}};
  }
  GptqTensors gptq() const {
    const int64_t per_word = 32 / bits;
    return {{DType::kI32, {k / per_word, n}, qweight},
            {DType::kI32, {k / group_size, n / per_word}, qzeros},
            {DType::kF16, {k / group_size, n}, scales},
            {DType::kI32, {k}, g_idx}};
  }

 private:
  static std::vector<std::byte> bytes(const std::string& name, const std::string& tensor) {
    return read_fixture<std::byte>("packed/" + name + tensor);
  }
};

// The formula of dequant, operand by operand.
std::vector<float> dequantise(const DequantOperands& operands) {
  const int64_t n_groups = operands.k / operands.group_size;
  std::vector<float> scales(static_cast<size_t>(operands.n * n_groups));
  decode_row(operands.scales_dtype, operands.scales.data(), scales.data(), static_cast<int64_t>(scales.size()));
  std::vector<float> y;
  for (int64_t n = 0; n < operands.n; ++n) {
    for (int64_t k = 0; k < operands.k; ++k) {
      const int64_t p = operands.perm.empty() ? k : operands.perm[static_cast<size_t>(k)];
      const auto at = static_cast<size_t>(n * operands.k + p);
      const auto group = static_cast<size_t>(n * n_groups + p / operands.group_size);
      const int w = operands.w_dtype == DType::kU8 ? static_cast<int>(operands.w[at])
                                                   : static_cast<int>(operands.w[at / 2] >> at % 2 * 4) & 15;
      y.push_back(static_cast<float>(w - static_cast<int>(operands.zeros[group])) * scales[group]);
    }
  }
  return y;
}

void expect_weight(const Result<DequantOperands>& operands, const Packed& packed) {
  ASSERT_TRUE(operands) << operands.error().message();
  EXPECT_EQ(operands->n, packed.n);
  EXPECT_EQ(operands->k, packed.k);
  EXPECT_EQ(dequantise(*operands), packed.weight);
}

std::string error_of(const Result<DequantOperands>& operands) {
  return operands ? "no error" : operands.error().message();
}

TEST(Awq, UnpacksToTheWeight) {
  const Packed packed("awq", 24, 96, 32);
  const auto operands = unpack_awq(packed.awq(), 32, "m");
  expect_weight(operands, packed);
  EXPECT_EQ(operands->w_dtype, DType::kU4);
  EXPECT_TRUE(operands->perm.empty());
}

TEST(Awq, RefusesTensorsThatContradictEachOther) {
  const Packed packed("awq", 24, 96, 32);
  EXPECT_THAT(error_of(unpack_awq(packed.awq(), 48, "m.safetensors: q_proj")),
              HasSubstr("m.safetensors: q_proj: qzeros is i32 [3, 3] in 36 bytes, not [2, 3]"));
  EXPECT_THAT(error_of(unpack_awq(packed.awq(), 40, "m")), HasSubstr("96 columns do not fill groups of 40"));
  EXPECT_THAT(error_of(unpack_awq(packed.awq(), 0, "m")), HasSubstr("groups of 0"));
  AwqTensors tensors = packed.awq();
  tensors.qweight.bytes = tensors.qweight.bytes.first(8);
  EXPECT_THAT(error_of(unpack_awq(tensors, 32, "m")), HasSubstr("qweight is i32 [96, 3] in 8 bytes"));
  tensors = packed.awq();
  tensors.scales.dtype = DType::kI16;
  EXPECT_THAT(error_of(unpack_awq(tensors, 32, "m")), HasSubstr("scales is i16, not f16 or bf16 or f32"));
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{}, {96}, {95, 3}, {0, 3}, {96, -3}, {INT64_MAX, 3}}) {
    tensors = packed.awq();
    tensors.qweight.dims = dims;
    EXPECT_THAT(error_of(unpack_awq(tensors, 32, "m")), HasSubstr("qweight is no matrix"));
  }
}

TEST(Gptq, UnpacksToTheWeight) {
  const Packed packed("gptq", 24, 96, 32);
  const auto operands = unpack_gptq(packed.gptq(), 32, {}, "m");
  expect_weight(operands, packed);
  EXPECT_TRUE(operands->perm.empty());
  EXPECT_THAT(operands->zeros, testing::Contains(std::byte{16}));
}

TEST(Gptq, AMissingGroupIndexMeansColumnsInOrder) {
  const Packed packed("gptq", 24, 96, 32);
  GptqTensors tensors = packed.gptq();
  tensors.g_idx = {};
  expect_weight(unpack_gptq(tensors, 32, {}, "m"), packed);
}

TEST(Gptq, VersionTwoHoldsTheZeroItself) {
  const Packed packed("gptq_v2", 16, 64, 64);
  expect_weight(unpack_gptq(packed.gptq(), -1, {.zeros_less_one = false}, "m"), packed);
}

TEST(Gptq, ActOrderBecomesAPermutation) {
  const Packed packed("gptq_act_order", 16, 96, 32);
  const auto operands = unpack_gptq(packed.gptq(), 32, {}, "m");
  expect_weight(operands, packed);
  EXPECT_EQ(operands->perm.size(), 96u);
}

TEST(Gptq, EightBits) {
  const Packed packed("gptq_8bit", 12, 64, 32, 8);
  expect_weight(unpack_gptq(packed.gptq(), 32, {.bits = 8}, "m"), packed);
  const Packed ordered("gptq_8bit_act_order", 8, 64, 16, 8);
  expect_weight(unpack_gptq(ordered.gptq(), 16, {.bits = 8, .zeros_less_one = false}, "m"), ordered);
}

TEST(Gptq, RefusesWhatItCannotRepresent) {
  Packed packed("gptq", 24, 96, 32);
  EXPECT_THAT(error_of(unpack_gptq(packed.gptq(), 32, {.bits = 3}, "m")), HasSubstr("is GPTQ of 3 bits"));
  EXPECT_THAT(error_of(unpack_gptq(packed.gptq(), 32, {.bits = 8}, "m")), HasSubstr("48 columns do not fill groups"));
  const auto set_group = [&](size_t column, int32_t group) { std::memcpy(&packed.g_idx[4 * column], &group, 4); };
  set_group(5, 3);
  EXPECT_THAT(error_of(unpack_gptq(packed.gptq(), 32, {}, "m")), HasSubstr("g_idx[5] = 3, of 3 groups"));
  set_group(5, -1);
  EXPECT_THAT(error_of(unpack_gptq(packed.gptq(), 32, {}, "m")), HasSubstr("g_idx[5] = -1"));
  set_group(5, 1);
  EXPECT_THAT(error_of(unpack_gptq(packed.gptq(), 32, {}, "m")), HasSubstr("more than 32 columns into group 1"));
  Packed eight("gptq_8bit", 12, 64, 32, 8);
  eight.qzeros[3] = std::byte{255};
  EXPECT_THAT(error_of(unpack_gptq(eight.gptq(), 32, {.bits = 8}, "m")), HasSubstr("a zero of 256"));
}

}  // namespace
}  // namespace bp::quant
