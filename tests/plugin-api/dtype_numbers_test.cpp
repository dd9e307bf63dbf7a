// The element types of the border and of the core are one list.
#include <backplane/plugin.h>
#include <gtest/gtest.h>

#include "base/dtype.h"

namespace bp {
namespace {

#define BP_SAME(core, border) static_assert(static_cast<int>(DType::core) == border)
BP_SAME(kF32, BP_DT_F32);
BP_SAME(kF16, BP_DT_F16);
BP_SAME(kBF16, BP_DT_BF16);
BP_SAME(kF64, BP_DT_F64);
BP_SAME(kI8, BP_DT_I8);
BP_SAME(kU8, BP_DT_U8);
BP_SAME(kI16, BP_DT_I16);
BP_SAME(kI32, BP_DT_I32);
BP_SAME(kI64, BP_DT_I64);
BP_SAME(kBool, BP_DT_BOOL);
BP_SAME(kFp8E4M3, BP_DT_FP8_E4M3);
BP_SAME(kFp8E5M2, BP_DT_FP8_E5M2);
BP_SAME(kE8M0, BP_DT_E8M0);
BP_SAME(kI4, BP_DT_I4);
BP_SAME(kU4, BP_DT_U4);
BP_SAME(kFp4E2M1, BP_DT_FP4_E2M1);
BP_SAME(kQ4_0, BP_DT_Q4_0);
BP_SAME(kQ4_1, BP_DT_Q4_1);
BP_SAME(kQ5_0, BP_DT_Q5_0);
BP_SAME(kQ5_1, BP_DT_Q5_1);
BP_SAME(kQ8_0, BP_DT_Q8_0);
BP_SAME(kQ2_K, BP_DT_Q2_K);
BP_SAME(kQ3_K, BP_DT_Q3_K);
BP_SAME(kQ4_K, BP_DT_Q4_K);
BP_SAME(kQ5_K, BP_DT_Q5_K);
BP_SAME(kQ6_K, BP_DT_Q6_K);
BP_SAME(kIQ4_NL, BP_DT_IQ4_NL);
BP_SAME(kIQ4_XS, BP_DT_IQ4_XS);
BP_SAME(kMXFP4, BP_DT_MXFP4);

// A type that the core gains and plugin.h lacks would be a number that no plugin can name.
TEST(DtypeNumbers, TheCoreKnowsNoTypeThatTheBorderLacks) {
  int n = 0;
  for (int64_t number = 1; number < 256; ++number) n += dtype_of_number(number).has_value() ? 1 : 0;
  EXPECT_EQ(n, 29);
}

}  // namespace
}  // namespace bp
