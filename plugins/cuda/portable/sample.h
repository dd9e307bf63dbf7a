// The next token of each sequence. Formula: docs/opset.md.
#pragma once

#include "extent.h"

namespace bp::gpu {

struct SampleArgs {
  const float* logits;  // [S, V]
  const float* temperature;
  const int32_t* top_k;
  const float *top_p, *min_p;
  const int64_t* seed;
  const int32_t* position;
  int32_t* token;
  Extent rows;
  int64_t vocab;
};
void sample(Launch& at, const SampleArgs& args);

}  // namespace bp::gpu
