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
inline constexpr Format kPlainFormats[] = {{"f32", BP_DT_F32}, {"f16", BP_DT_F16}, {"bf16", BP_DT_BF16}};
inline constexpr Format kBlockFormats[] = {{"q8_0", BP_DT_Q8_0},    {"q4_0", BP_DT_Q4_0},   {"q4_1", BP_DT_Q4_1},
                                           {"q5_0", BP_DT_Q5_0},    {"q5_1", BP_DT_Q5_1},   {"q2_k", BP_DT_Q2_K},
                                           {"q3_k", BP_DT_Q3_K},    {"q4_k", BP_DT_Q4_K},   {"q5_k", BP_DT_Q5_K},
                                           {"q6_k", BP_DT_Q6_K},    {"mxfp4", BP_DT_MXFP4}, {"iq4_nl", BP_DT_IQ4_NL},
                                           {"iq4_xs", BP_DT_IQ4_XS}};
std::vector<Format> all_formats();

// Of a dtype whose rows are blocks.
constexpr bool is_block(uint16_t dtype) { return dtype >= BP_DT_Q4_0; }
constexpr int64_t block_elements(uint16_t dtype) {
  const bool super = (dtype >= BP_DT_Q2_K && dtype <= BP_DT_Q6_K) || dtype == BP_DT_IQ4_XS;
  return !is_block(dtype) ? 1 : super ? 256 : 32;
}

}  // namespace bp::tiny
