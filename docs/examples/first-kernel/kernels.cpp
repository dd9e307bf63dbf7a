// A first kernel for the port that `backplane new-plugin` writes: products with weights of f32 or q8_0, as files have
// them.
//   y[m, n] = sum over k of x[m, k] w[n, k]      x [.., K] f32   w [N, K]   y [.., N] f32
// To use it: add it to SOURCES in CMakeLists.txt; in plugin.cpp declare add_kernels() and call it on open()'s table.
#include <cstring>
#include <new>

#include "device.h"

using bp::plugin::set_error;

// A kernel made ready for one region: what launch must know of it. The region is gone when plan returns.
struct bp_plan {
  bp_value x, w;
};
// A plan and its memory.
struct bp_bound {
  const bp_plan* plan;
  const float* x;
  const unsigned char* w;
  float* y;
};

namespace {

// `query` says no with a reason that `backplane explain` prints; what `where` can say, it need not check.
bp_status query(const bp_kernel*, bp_device*, const bp_region* region, const int64_t*, bp_plan_info*,
                bp_err* err) noexcept {
  const bp_value& w = *bp::plugin::slot_at(*region, 1);
  if (w.dim_sym[0] != 0) return set_error(err, BP_E_UNSUPPORTED, "the weight is dynamic");
  return BP_OK;
}

// May compile; here there is nothing to do but to remember. Slots are the pattern's variables in order, then the
// result.
bp_status plan(const bp_kernel*, bp_device*, const bp_region* region, const int64_t*, bp_plan** out, bp_plan_info*,
               bp_err* err) noexcept {
  *out = new (std::nothrow) bp_plan{*bp::plugin::slot_at(*region, 0), *bp::plugin::slot_at(*region, 1)};
  return *out != nullptr ? BP_OK : set_error(err, BP_E_NOMEM, "mychip: out of host memory");
}

void plan_destroy(bp_plan* plan) noexcept { delete plan; }

// Resolves memory once; args are in the order of the slots.
bp_status plan_bind(bp_plan* plan, const bp_span* args, uint32_t n, const bp_span*, uint32_t, bp_bound** out,
                    bp_err* err) noexcept {
  if (n < 3 || args[0].mem == nullptr || args[1].mem == nullptr || args[2].mem == nullptr)
    return set_error(err, BP_E_INVALID, "mychip: matmul wants x, w and y in the device's memory");
  const auto at = [&](int i) { return args[i].mem->bytes + args[i].off; };
  *out =
      new (std::nothrow) bp_bound{plan, reinterpret_cast<const float*>(at(0)), at(1), reinterpret_cast<float*>(at(2))};
  return *out != nullptr ? BP_OK : set_error(err, BP_E_NOMEM, "mychip: out of host memory");
}

void bound_destroy(bp_bound* bound) noexcept { delete bound; }

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

// Enqueues; a BP_DEV_INLINE device runs it. dyn has the extents of this launch, 0 among them.
bp_status launch(bp_bound* bound, const bp_launch* launch, bp_err*) noexcept {
  const bp_value &x = bound->plan->x, &w = bound->plan->w;
  const int64_t n = w.dim[0], k = w.dim[1];
  const bool blocks = w.dtype == BP_DT_Q8_0;
  const int64_t row_bytes = blocks ? k / 32 * 34 : k * 4;
  int64_t m = 1;
  for (uint32_t axis = 0; axis + 1 < x.rank; ++axis) m *= bp::plugin::extent(x, axis, launch->dyn);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) bound->y[i * n + j] = dot(bound->x + i * k, bound->w + j * row_bytes, k, blocks);
  }
  return BP_OK;
}

bp_status kernels(bp_device*, const bp_kernel* const** out, uint32_t* n, bp_err*) noexcept {
  static const bp_kernel matmul = [] {
    bp_kernel row{};
    row.struct_size = sizeof row;
    row.id = "mychip.matmul";
    row.pattern = "(matmul ?x ?w)";
    row.where = "dtype(x)=f32; dtype(w)=f32|q8_0";
    row.numerics = "mychip.f32";
    row.query = query, row.plan = plan;
    return row;
  }();
  static const bp_kernel* const table[] = {&matmul};
  *out = table;
  *n = 1;
  return BP_OK;
}

}  // namespace

void add_kernels(bp_device_api& table) {
  table.kernels = kernels, table.plan_bind = plan_bind, table.launch = launch;
  table.bound_destroy = bound_destroy, table.plan_destroy = plan_destroy;
}
