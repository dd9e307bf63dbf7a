// A first kernel for the port that `backplane new-plugin` writes: products with weights of f32 or q8_0, as files have
// them.
//   y[m, n] = sum over k of x[m, k] w[n, k]      x [.., K] f32   w [N, K]   y [.., N] f32
// To use it: add it to SOURCES in CMakeLists.txt; in plugin.cpp declare add_kernels() and call it on open()'s table.
#include <backplane/plugin_op.hpp>

#include "device.h"

namespace {

using bp::plugin::RegionView;
using bp::plugin::Tensor;

float half_to_float(const unsigned char* p) {
  uint16_t h;
  std::memcpy(&h, p, sizeof h);
  const float magnitude = static_cast<float>(h & 0x3ff) / 1024.0f;
  const int exponent = (h >> 10) & 31;
  float value = exponent == 0 ? magnitude / 16384.0f : 1.0f + magnitude;
  for (int e = exponent; e > 15; --e) value *= 2.0f;
  for (int e = exponent; e != 0 && e < 15; ++e) value /= 2.0f;
  return (h & 0x8000) != 0 ? -value : value;
}

// One row of w times one of x. q8_0: blocks of 32 are an f16 scale and 32 signed bytes.
float dot(const float* x, const unsigned char* w, int64_t k, bool blocks) {
  float sum = 0;
  if (!blocks) {
    const auto* values = reinterpret_cast<const float*>(w);
    for (int64_t i = 0; i < k; ++i) sum += x[i] * values[i];
    return sum;
  }
  for (int64_t i = 0; i < k; i += 32, w += 34) {
    float part = 0;
    for (int64_t j = 0; j < 32; ++j) part += x[i + j] * static_cast<float>(static_cast<signed char>(w[2 + j]));
    sum += part * half_to_float(w);
  }
  return sum;
}

// One object for each region that the host plans; plugin_op.hpp makes query, plan, plan_bind, launch and the destroys
// of it.
class Matmul final : public bp::plugin::AddressedOp {
 public:
  // Says no with a reason that `backplane explain` prints; what `where` can say, it need not check. The region is gone
  // when this returns. Slots are the pattern's variables in order, then the result.
  const char* accept(const RegionView& region, const bp_device&, const void*) override {
    x_ = region.slot(0);
    w_ = region.slot(1);
    return w_.is_static() ? nullptr : "the weight is dynamic";
  }

  // Enqueues; a BP_DEV_INLINE device runs it. dyn has the extents of this launch, 0 among them.
  bp_status launch(const bp::plugin::Addresses& at, const bp_launch& launch, bp_err*) const override {
    const auto* x = at.arg<const float>(0);
    const auto* w = at.arg<const unsigned char>(1);
    auto* y = at.arg<float>(2);
    const int64_t m = x_.rows(launch.dyn), n = w_.dim[0], k = w_.dim[1];
    const int64_t row_bytes = bp::plugin::bytes_of(w_.dtype, k);
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) y[i * n + j] = dot(x + i * k, w + j * row_bytes, k, w_.dtype == BP_DT_Q8_0);
    }
    return BP_OK;
  }

 protected:
  std::byte* address(const bp_span& span) const override {
    return span.mem == nullptr ? nullptr : reinterpret_cast<std::byte*>(span.mem->bytes) + span.off;
  }

 private:
  Tensor x_, w_;
};

bp_status kernels(bp_device*, const bp_kernel* const** out, uint32_t* n, bp_err*) noexcept {
  static const bp_kernel matmul = [] {
    bp::plugin::RowText text{"mychip.matmul", "(matmul ?x ?w)", "dtype(x)=f32; dtype(w)=f32|q8_0"};
    text.numerics = "mychip.f32";
    return bp::plugin::op_row<Matmul>(text);
  }();
  static const bp_kernel* const table[] = {&matmul};
  *out = table;
  *n = 1;
  return BP_OK;
}

}  // namespace

void add_kernels(bp_device_api& table) {
  table.kernels = kernels;
  bp::plugin::add_op_functions(table);
}
