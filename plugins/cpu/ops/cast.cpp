#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/convert.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

bool is_whole(uint16_t dtype) {
  return dtype == BP_DT_I32 || dtype == BP_DT_I64 || dtype == BP_DT_BOOL || dtype == BP_DT_I8 || dtype == BP_DT_U8 ||
         dtype == BP_DT_I16;
}

int64_t load_whole(uint16_t dtype, const std::byte* p) {
  const auto as = [p]<class T>(T) {
    T value;
    std::memcpy(&value, p, sizeof(T));
    return static_cast<int64_t>(value);
  };
  switch (dtype) {
    case BP_DT_I32:
      return as(int32_t{});
    case BP_DT_I64:
      return as(int64_t{});
    case BP_DT_I16:
      return as(int16_t{});
    case BP_DT_I8:
      return as(int8_t{});
    default:
      return as(uint8_t{});
  }
}

// Clamped to the range of the type; a bool is whether it is not 0.
void store_whole(uint16_t dtype, std::byte* p, int64_t value) {
  const auto as = [p, value]<class T>(T) {
    const auto kept =
        static_cast<T>(std::clamp<int64_t>(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    std::memcpy(p, &kept, sizeof(T));
  };
  switch (dtype) {
    case BP_DT_I32:
      return as(int32_t{});
    case BP_DT_I64:
      return as(int64_t{});
    case BP_DT_I16:
      return as(int16_t{});
    case BP_DT_I8:
      return as(int8_t{});
    case BP_DT_BOOL:
      *p = std::byte{value != 0};
      return;
    default:
      return as(uint8_t{});
  }
}

// To nearest even; NaN is 0.
int64_t to_whole(uint16_t dtype, float x) {
  if (dtype == BP_DT_BOOL) return x != 0.0f;
  if (std::isnan(x)) return 0;
  const double bounded = std::clamp<double>(std::nearbyint(x), -0x1p63, 0x1.fffffffffffffp62);
  return static_cast<int64_t>(bounded);
}

// Between floats of 32 and 16 bits, integers and bool.
class CastOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    x_ = region.slot(0);
    y_dtype_ = region.slot(1).dtype;
    for (const uint16_t dtype : {x_.dtype, y_dtype_}) {
      if (!is_plain_float(dtype) && !is_whole(dtype)) return "one side is neither f32, f16, bf16 nor an integer";
    }
    return nullptr;
  }

  void run(const OpRun& run) const override {
    const int64_t in = element_bytes(x_.dtype);
    const int64_t out = element_bytes(y_dtype_);
    for_ranges(run, x_.elements(run.dyn), 1, [&](int64_t begin, int64_t end) {
      convert(run.args[0] + begin * in, run.args[1] + begin * out, end - begin);
    });
  }

 private:
  void convert(const std::byte* x, std::byte* y, int64_t n) const {
    if (is_whole(x_.dtype) && is_whole(y_dtype_)) {
      const int64_t in = element_bytes(x_.dtype);
      const int64_t out = element_bytes(y_dtype_);
      for (int64_t i = 0; i < n; ++i) store_whole(y_dtype_, y + i * out, load_whole(x_.dtype, x + i * in));
      return;
    }
    constexpr int64_t kPiece = 256;
    alignas(64) float piece[kPiece];
    for (int64_t i = 0; i < n; i += kPiece) {
      const int64_t count = std::min(kPiece, n - i);
      to_floats(x + i * element_bytes(x_.dtype), piece, count);
      from_floats(piece, y + i * element_bytes(y_dtype_), count);
    }
  }

  void to_floats(const std::byte* x, float* piece, int64_t n) const {
    if (is_plain_float(x_.dtype)) {
      (avx512_ ? avx512::row_to_f32 : avx2::row_to_f32)(x_.dtype, x, piece, n);
      return;
    }
    const int64_t in = element_bytes(x_.dtype);
    for (int64_t i = 0; i < n; ++i) piece[i] = static_cast<float>(load_whole(x_.dtype, x + i * in));
  }

  void from_floats(const float* piece, std::byte* y, int64_t n) const {
    if (is_plain_float(y_dtype_)) {
      (avx512_ ? avx512::row_from_f32 : avx2::row_from_f32)(y_dtype_, piece, y, n);
      return;
    }
    const int64_t out = element_bytes(y_dtype_);
    for (int64_t i = 0; i < n; ++i) store_whole(y_dtype_, y + i * out, to_whole(y_dtype_, piece[i]));
  }

  Tensor x_;
  uint16_t y_dtype_ = 0;
  bool avx512_ = false;
};

constexpr bp_kernel kRows[] = {
    row<CastOp>({.id = "cpu.cast", .pattern = "cast"}),
};

}  // namespace

std::span<const bp_kernel> cast_rows() { return kRows; }

}  // namespace bp::cpu
