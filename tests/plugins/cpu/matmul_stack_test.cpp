// A row of a product with a stack of matrices has the bits that its matrix alone gives.
#include <gtest/gtest.h>

#include <cstring>

#include "random_weight.h"
#include "tiny_host.h"

namespace bp::tiny {
namespace {

constexpr int64_t kRows = 200, kMatrices = 3, kSlots = 2;
constexpr const char* kLayout = "cpu.r16@1";

// x [kRows, K] by cpu.matmul with one matrix.
std::vector<float> alone(Device& device, const Weight& w, const std::vector<float>& x) {
  const auto packed = pack(device, kLayout, {w.dtype, {w.n, w.k}}, w.file.data());
  Memory in(device, x.size() * 4), out(device, static_cast<uint64_t>(kRows * w.n) * 4);
  std::memcpy(in.data(), x.data(), x.size() * 4);
  Bound bound(device, "cpu.matmul",
              {{BP_DT_F32, {-1, w.k}, 0, in.span()},
               {w.dtype, {w.n, w.k}, device.intern(kLayout), packed->span()},
               {BP_DT_F32, {-1, w.n}, 0, out.span()}},
              kRows);
  bound.launch(kRows);
  const auto* y = reinterpret_cast<const float*>(out.data());
  return {y, y + kRows * w.n};
}

// Few rows a matrix and many, an index outside too.
TEST(MatmulStack, GivesTheBitsOfEachMatrixAlone) {
  for (const char* isa : {"avx2", "avx512_vnni", "avx512_bf16", "amx"}) {
    Device device(BP_CPU_PLUGIN, {{"isa", isa}, {"threads", "3"}, {"pin", "false"}});
    for (const Format& format : all_formats()) {
      SCOPED_TRACE(std::string(isa) + " " + format.name);
      const int64_t n = 35, k = 512;
      const Weight w = random_weight(format.dtype, kMatrices * n, k, 1);
      const std::vector<float> x = random_floats(kRows * k, 2);
      std::vector<std::vector<float>> want;
      const size_t bytes = w.file.size() / kMatrices;
      for (size_t m = 0; m < kMatrices; ++m) {
        const Weight one{w.dtype, n, k, {w.file.data() + m * bytes, w.file.data() + (m + 1) * bytes}, {}};
        want.push_back(alone(device, one, x));
      }
      const auto packed = pack(device, kLayout, {w.dtype, {kMatrices, n, k}}, w.file.data());
      Memory in(device, x.size() * 4), idx(device, kRows * kSlots * 4);
      Memory out(device, static_cast<uint64_t>(kRows * kSlots * n) * 4);
      std::memcpy(in.data(), x.data(), x.size() * 4);
      auto* chosen = reinterpret_cast<int32_t*>(idx.data());
      for (int32_t i = 0; i < kRows * kSlots; ++i) chosen[i] = i * 7 % static_cast<int32_t>(kMatrices + 1);
      Bound bound(device, "cpu.matmul_indexed",
                  {{BP_DT_F32, {-1, k}, 0, in.span()},
                   {w.dtype, {kMatrices, n, k}, device.intern(kLayout), packed->span()},
                   {BP_DT_I32, {-1, kSlots}, 0, idx.span()},
                   {BP_DT_F32, {-1, kSlots, n}, 0, out.span()}},
                  kRows);
      for (const int64_t rows : {int64_t{1}, int64_t{5}, kRows}) {
        bound.launch(rows);
        for (int64_t slot = 0; slot < rows * kSlots; ++slot) {
          const auto* y = reinterpret_cast<const float*>(out.data()) + slot * n;
          const std::vector<float> zeros(static_cast<size_t>(n));
          const float* expected = chosen[slot] == kMatrices
                                      ? zeros.data()
                                      : want[static_cast<size_t>(chosen[slot])].data() + slot / kSlots * n;
          ASSERT_EQ(std::memcmp(y, expected, static_cast<size_t>(n) * 4), 0) << rows << " rows, slot " << slot;
        }
      }
    }
  }
}

}  // namespace
}  // namespace bp::tiny
