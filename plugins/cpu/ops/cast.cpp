#include "kernels/convert.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

// f32 from and to f16 and bf16.
class CastOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    x_ = region.slot(0);
    y_dtype_ = region.slot(1).dtype;
    const bool fine =
        is_plain_float(x_.dtype) && is_plain_float(y_dtype_) && (x_.dtype == BP_DT_F32 || y_dtype_ == BP_DT_F32);
    return fine ? nullptr : "neither side is f32";
  }

  void run(const OpRun& run) const override {
    const uint64_t in = row_bytes(x_.dtype, 1);
    const uint64_t out = row_bytes(y_dtype_, 1);
    for_ranges(run, x_.elements(run.dyn), 1, [&](int64_t begin, int64_t end) {
      const auto* x = run.args[0] + static_cast<uint64_t>(begin) * in;
      auto* y = run.args[1] + static_cast<uint64_t>(begin) * out;
      if (y_dtype_ == BP_DT_F32) {
        (avx512_ ? avx512::row_to_f32 : avx2::row_to_f32)(x_.dtype, x, reinterpret_cast<float*>(y), end - begin);
      } else {
        const auto convert = avx512_ ? avx512::row_from_f32 : avx2::row_from_f32;
        convert(y_dtype_, reinterpret_cast<const float*>(x), y, end - begin);
      }
    });
  }

 private:
  Tensor x_;
  uint16_t y_dtype_ = 0;
  bool avx512_ = false;
};

constexpr bp_kernel kRows[] = {
    row<CastOp>({.id = "cpu.cast", .pattern = "cast", .where = "dtype(x)=f32|f16|bf16; dtype(out)=f32|f16|bf16"}),
};

}  // namespace

std::span<const bp_kernel> cast_rows() { return kRows; }

}  // namespace bp::cpu
