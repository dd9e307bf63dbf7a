// Random matrices in every format of a weight, and the numbers that they stand for.
#pragma once

#include <backplane/plugin.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace bp::tiny {

struct Weight {
  uint16_t dtype;
  int64_t n, k;
  std::vector<std::byte> file;  // rows as GGUF has them
  std::vector<float> value;     // [n, k], exactly what the file says
};

Weight random_weight(uint16_t dtype, int64_t n, int64_t k, unsigned seed);
std::vector<float> random_floats(int64_t count, unsigned seed);

struct Format {
  const char* name;
  uint16_t dtype;
};
inline constexpr Format kFormats[] = {{"f32", BP_DT_F32},   {"f16", BP_DT_F16},   {"bf16", BP_DT_BF16},
                                      {"q8_0", BP_DT_Q8_0}, {"q4_0", BP_DT_Q4_0}, {"q4_1", BP_DT_Q4_1}};

}  // namespace bp::tiny
