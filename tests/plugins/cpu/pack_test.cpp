// The packed layouts of weights: their bytes, and packing in slices.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "random_weight.h"
#include "tiny_host.h"

namespace bp::tiny {
namespace {

Device& device() {
  static Device one(BP_CPU_PLUGIN, {{"threads", "2"}, {"pin", "false"}});
  return one;
}

constexpr const char* kLayout = "cpu.r16@1";

template <class T>
T at(const std::byte* data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

TEST(Pack, InterleavesPlainWeights) {
  for (const Format& format : kPlainFormats) {
    const Weight w = random_weight(format.dtype, 21, 35, 1);
    const auto packed = pack(device(), kLayout, {w.dtype, {w.n, w.k}}, w.file.data());
    const int64_t padded = format.dtype == BP_DT_F32 ? 35 : 36;
    for (int64_t n = 0; n < 32; ++n) {
      for (int64_t k = 0; k < padded; ++k) {
        const int64_t group = n / 16 * padded * 16;
        const int64_t place = format.dtype == BP_DT_BF16 ? (k / 2 * 16 + n % 16) * 2 + k % 2 : k * 16 + n % 16;
        const bool inside = n < w.n && k < w.k;
        if (format.dtype == BP_DT_F32) {
          ASSERT_EQ(at<uint32_t>(packed->data(), group + place), inside ? at<uint32_t>(w.file.data(), n * w.k + k) : 0)
              << n << ' ' << k;
        } else {
          ASSERT_EQ(at<uint16_t>(packed->data(), group + place), inside ? at<uint16_t>(w.file.data(), n * w.k + k) : 0)
              << n << ' ' << k;
        }
      }
    }
  }
}

TEST(Pack, InterleavesBlocks) {
  const Weight w = random_weight(BP_DT_Q8_0, 18, 96, 2);
  const auto packed = pack(device(), kLayout, {w.dtype, {w.n, w.k}}, w.file.data());
  constexpr int64_t kPanel = 128;  // three blocks of 32 bytes of scales, up to whole lines
  for (int64_t n = 0; n < 32; ++n) {
    const std::byte* group = packed->data() + n / 16 * (kPanel + 3 * 512);
    for (int64_t k = 0; k < w.k; ++k) {
      const std::byte* block = w.file.data() + (n * 3 + k / 32) * 34;
      const int64_t place = kPanel + k / 32 * 512 + k % 32 / 4 * 64 + n % 16 * 4 + k % 4;
      ASSERT_EQ(at<uint8_t>(group, place), n < w.n ? static_cast<uint8_t>(at<uint8_t>(block, 2 + k % 32) + 128) : 128)
          << n << ' ' << k;
      ASSERT_EQ(at<uint16_t>(group, k / 32 * 16 + n % 16), n < w.n ? at<uint16_t>(block, 0) : 0) << n << ' ' << k;
    }
  }
}

TEST(Pack, SlicesGiveWhatTheWholeGives) {
  for (const Format& format : all_formats()) {
    const Weight w = random_weight(format.dtype, 100, std::max<int64_t>(64, block_elements(format.dtype)), 3);
    const auto whole = pack(device(), kLayout, {w.dtype, {w.n, w.k}}, w.file.data());
    const auto slices = pack(device(), kLayout, {w.dtype, {w.n, w.k}}, w.file.data(), 2);
    EXPECT_EQ(std::memcmp(whole->data(), slices->data(), whole->span().bytes), 0) << format.name;
  }
}

// Groups never reach from one matrix into the next.
TEST(Pack, PacksEachMatrixOfAStackAlone) {
  for (const Format& format : {kPlainFormats[0], kPlainFormats[2], kBlockFormats[0], kBlockFormats[7]}) {
    const int64_t k = std::max<int64_t>(64, block_elements(format.dtype));
    for (const int64_t n : {20, 32}) {
      const Weight w = random_weight(format.dtype, 3 * n, k, 4);
      const auto stack = pack(device(), kLayout, {w.dtype, {3, n, k}}, w.file.data());
      const auto slices = pack(device(), kLayout, {w.dtype, {3, n, k}}, w.file.data(), 1);
      ASSERT_EQ(stack->span().bytes, slices->span().bytes);
      EXPECT_EQ(std::memcmp(stack->data(), slices->data(), stack->span().bytes), 0) << format.name;
      const auto size = static_cast<int64_t>(stack->span().bytes / 3);
      for (int64_t i = 0; i < 3; ++i) {
        const std::byte* file = w.file.data() + static_cast<int64_t>(w.file.size()) / 3 * i;
        const auto one = pack(device(), kLayout, {w.dtype, {n, k}}, file);
        EXPECT_EQ(std::memcmp(stack->data() + size * i, one->data(), static_cast<size_t>(size)), 0) << format.name << i;
      }
    }
  }
}

bp_status layout_info(const char* layout, uint16_t dtype, std::vector<int64_t> dims) {
  bp_value value{};
  value.struct_size = sizeof(value);
  value.dtype = dtype;
  value.rank = static_cast<uint32_t>(dims.size());
  for (size_t i = 0; i < dims.size(); ++i) value.dim[i] = dims[i];
  bp_layout_info info{};
  info.struct_size = sizeof(info);
  bp_err err{};
  return device().api().layout_info(device().handle(), device().intern(layout), &value, sizeof(value), 1, &info, &err);
}

TEST(Pack, RefusesWhatItCannotPack) {
  EXPECT_EQ(layout_info(kLayout, BP_DT_Q8_0, {16, 64}), BP_OK);
  EXPECT_EQ(layout_info(kLayout, BP_DT_Q8_0, {16, 33}), BP_E_UNSUPPORTED);
  EXPECT_EQ(layout_info(kLayout, BP_DT_Q4_K, {16, 64}), BP_E_UNSUPPORTED);
  EXPECT_EQ(layout_info(kLayout, BP_DT_I32, {16, 64}), BP_E_UNSUPPORTED);
  EXPECT_EQ(layout_info(kLayout, BP_DT_Q8_0, {0, 64}), BP_E_UNSUPPORTED);
  EXPECT_EQ(layout_info(kLayout, BP_DT_Q8_0, {int64_t{1} << 40, 64}), BP_E_UNSUPPORTED);
  EXPECT_EQ(layout_info("somebody.else@1", BP_DT_Q8_0, {16, 64}), BP_E_INVALID);
}

}  // namespace
// Sources of one weight, packed one by one, give what their rows give as one tensor.
TEST(Pack, SourcesGiveWhatTheirRowsGiveAsOne) {
  for (const Format& format : all_formats()) {
    const int64_t k = std::max<int64_t>(64, block_elements(format.dtype));
    const Weight w = random_weight(format.dtype, 32 + 16 + 21, k, 6);
    const auto whole = pack(device(), kLayout, {w.dtype, {w.n, w.k}}, w.file.data());
    const auto parts = pack_sources(device(), kLayout, w.dtype, {32, 16, 21}, k, w.file.data());
    ASSERT_NE(parts, nullptr) << format.name;
    ASSERT_EQ(whole->span().bytes, parts->span().bytes) << format.name;
    EXPECT_EQ(std::memcmp(whole->data(), parts->data(), whole->span().bytes), 0) << format.name;
  }
}

TEST(Pack, RefusesSourcesThatEndWithinAGroup) {
  const Weight w = random_weight(BP_DT_Q8_0, 40, 64, 6);
  EXPECT_EQ(pack_sources(device(), kLayout, w.dtype, {24, 16}, 64, w.file.data()), nullptr);
}

}  // namespace bp::tiny
