#include "quant/mxfp4_repack.h"

#include <array>

#include "quant/formats.h"

namespace bp::quant {
namespace {
constexpr int kPairs = 16;
constexpr int kBlockBytes = 1 + kPairs;
constexpr std::array kByte = {DType::kU8};

int nibble(const std::byte* pairs, int element) { return byte_at(pairs, element / 2) >> element % 2 * 4 & 15; }

}  // namespace

Result<std::vector<std::byte>> repack_mxfp4(const TensorBytes& blocks, const TensorBytes& scales,
                                            const std::string& where) {
  std::vector<int64_t> dims = scales.dims;
  BP_TRY_VOID(expect_tensor(scales, kByte, dims, "scales", where));
  dims.push_back(kPairs);
  BP_TRY_VOID(expect_tensor(blocks, kByte, dims, "blocks", where));
  const size_t n_blocks = scales.bytes.size();
  std::vector<std::byte> out(n_blocks * kBlockBytes);
  for (size_t b = 0; b < n_blocks; ++b) {
    const std::byte* pairs = blocks.bytes.data() + b * kPairs;
    std::byte* dst = out.data() + b * kBlockBytes;
    dst[0] = scales.bytes[b];
    for (int i = 0; i < kPairs; ++i) {
      dst[1 + i] = static_cast<std::byte>(nibble(pairs, i) | nibble(pairs, i + kPairs) << 4);
    }
  }
  return out;
}

}  // namespace bp::quant
