// A kernel for somebody else's device: at the end of a model, the rows that logits are wanted of are picked and
// normalised. Plugin "cpu" runs two kernels for that; this one does it in one pass, on that plugin's threads.
//
//   y[i, h] = x[rows[i], h] * rsqrt(mean over h of x[rows[i], h]^2 + eps) * w[h]
//     x [n, hidden] f32   rows [m] i32, outside [0, n): a row of zeros   w [hidden] f32 or absent   y [m, hidden] f32
//
// Memory, queues and copies are the owner's. Its native/1 gives what a kernel needs of them: where a bp_mem begins, and
// its thread team (backplane/cpu_native.h).
#include <backplane/cpu_native.h>
#include <backplane/plugin.hpp>

#include <cmath>
#include <new>

using bp::plugin::set_error;

namespace {

const bp_host_api* host_api = nullptr;
enum Slot { kX, kRows, kW, kY, kSlotCount };  // in the order of the pattern's variables, then the result

}  // namespace

// This plugin's hold on the owner's device.
struct bp_device {
  bp_device* owner;
  const bp_ext_native* native;
  uint32_t pointer_type;
  const bp_cpu_team* team;
};

struct bp_plan {
  bp_device* device;
  bp_value x, rows;  // copies: the region is gone after plan
  float eps;
};

struct bp_bound {
  const bp_plan* plan;
  const float *x, *w;
  const int32_t* rows;
  float* y;
};

namespace {

// What `where` cannot say.
bp_status query(const bp_kernel*, bp_device*, const bp_region* region, const int64_t*, bp_plan_info*,
                bp_err* err) noexcept {
  const bp_value& x = *bp::plugin::slot_at(*region, kX);
  if (x.dim_sym[1] != 0) return set_error(err, BP_E_UNSUPPORTED, "a row's size is dynamic");
  return BP_OK;
}

bp_status plan(const bp_kernel* self, bp_device* device, const bp_region* region, const int64_t* config, bp_plan** out,
               bp_plan_info* info, bp_err* err) noexcept {
  if (const bp_status status = query(self, device, region, config, info, err); status != BP_OK) return status;
  const bp_node& norm = bp::plugin::node_at(*region, 1);  // an op comes after its operands
  *out = new (std::nothrow) bp_plan{device, *bp::plugin::slot_at(*region, kX), *bp::plugin::slot_at(*region, kRows),
                                    static_cast<float>(bp::plugin::attr_float(norm, "eps", 0))};
  return *out != nullptr ? BP_OK : set_error(err, BP_E_NOMEM, "out of host memory");
}

void plan_destroy(bp_plan* plan) noexcept { delete plan; }

// A span's address, asked of the owner once.
bp_status address(const bp_device& device, const bp_span& span, void** out, bp_err* err) {
  *out = span.host;
  if (span.mem == nullptr) return BP_OK;  // absent
  uint64_t begin = 0;
  const bp_status status = device.native->get(device.owner, BP_OBJ_MEM, span.mem, device.pointer_type, &begin, err);
  if (status == BP_OK) *out = reinterpret_cast<unsigned char*>(begin) + span.off;
  return status;
}

bp_status plan_bind(bp_plan* plan, const bp_span* args, uint32_t n, const bp_span*, uint32_t, bp_bound** out,
                    bp_err* err) noexcept {
  if (n < kSlotCount) return set_error(err, BP_E_INVALID, "%u arguments, 4 wanted", n);
  void* at[kSlotCount];
  for (int i = 0; i < kSlotCount; ++i) {
    if (const bp_status status = address(*plan->device, args[i], &at[i], err); status != BP_OK) return status;
  }
  *out = new (std::nothrow) bp_bound{plan, static_cast<float*>(at[kX]), static_cast<float*>(at[kW]),
                                     static_cast<int32_t*>(at[kRows]), static_cast<float*>(at[kY])};
  return *out != nullptr ? BP_OK : set_error(err, BP_E_NOMEM, "out of host memory");
}

void bound_destroy(bp_bound* bound) noexcept { delete bound; }

struct Work {
  const bp_bound* bound;
  int64_t n_x, hidden;
};

void normalise_row(void* argument, int64_t i) {
  const Work& work = *static_cast<const Work*>(argument);
  const bp_bound& b = *work.bound;
  float* y = b.y + i * work.hidden;
  const int64_t row = b.rows[i];
  const bool exists = row >= 0 && row < work.n_x;
  const float* x = b.x + (exists ? row : 0) * work.hidden;
  float squares = 0;
  for (int64_t h = 0; exists && h < work.hidden; ++h) squares += x[h] * x[h];
  const float factor = 1.0f / std::sqrt(squares / static_cast<float>(work.hidden) + b.plan->eps);
  for (int64_t h = 0; h < work.hidden; ++h) y[h] = exists ? x[h] * factor * (b.w != nullptr ? b.w[h] : 1.0f) : 0.0f;
}

// The owner's device is inline: the work is done when this returns.
bp_status launch(bp_bound* bound, const bp_launch* launch, bp_err*) noexcept {
  const bp_plan& plan = *bound->plan;
  Work work{bound, bp::plugin::extent(plan.x, 0, launch->dyn), plan.x.dim[1]};
  const bp_cpu_team& team = *plan.device->team;
  team.parallel_for(team.ctx, bp::plugin::extent(plan.rows, 0, launch->dyn), normalise_row, &work);
  return BP_OK;
}

bp_status kernels(bp_device*, const bp_kernel* const** out, uint32_t* n, bp_err*) noexcept {
  static const bp_kernel row = [] {
    bp_kernel k{};
    k.struct_size = sizeof k;
    k.id = "last_norm.gather_rms_norm";
    k.pattern = "(rms_norm (gather_rows ?x ?rows) ?w*)";
    k.where = "dtype(x)=f32; dtype(out)=f32; dtype(w)=f32; rank(x)=2";
    k.query = query;
    k.plan = plan;
    return k;
  }();
  static const bp_kernel* const rows[] = {&row};
  *out = rows;
  *n = 1;
  return BP_OK;
}

// Not this owner, or an older one: BP_E_UNSUPPORTED, and its device stays as it was.
bp_status attach(bp_device* owner, const bp_device_api* owner_api, bp_device** out, const bp_device_api** api,
                 bp_err* err) noexcept {
  static const bp_device_api table = [] {
    bp_device_api t{};
    t.struct_size = sizeof t;
    t.kernels = kernels, t.plan_bind = plan_bind, t.launch = launch;
    t.bound_destroy = bound_destroy, t.plan_destroy = plan_destroy;
    return t;
  }();
  const void* extension = BP_HAS(bp_device_api, owner_api, ext) ? owner_api->ext(owner, "native/1") : nullptr;
  const auto* native = static_cast<const bp_ext_native*>(extension);
  if (!BP_HAS(bp_ext_native, native, get)) return set_error(err, BP_E_UNSUPPORTED, "the owner has no native/1");
  bp_device mine{owner, native, host_api->intern(host_api->ctx, BP_CPU_POINTER), nullptr};
  uint64_t team = 0;
  const bp_status status =
      native->get(owner, BP_OBJ_DEVICE, owner, host_api->intern(host_api->ctx, BP_CPU_PARALLEL_FOR), &team, err);
  if (status != BP_OK) return status;
  mine.team = reinterpret_cast<const bp_cpu_team*>(team);
  if (!BP_HAS(bp_cpu_team, mine.team, parallel_for)) return set_error(err, BP_E_VERSION, "the owner's team is another");
  *out = new (std::nothrow) bp_device(mine);
  if (*out == nullptr) return set_error(err, BP_E_NOMEM, "out of host memory");
  *api = &table;
  return BP_OK;
}

void close(bp_device* device) noexcept { delete device; }

}  // namespace

bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err*) noexcept {
  host_api = host;
  bp_plugin_api api{};
  api.abi_minor = BP_ABI_MINOR;
  api.attach = attach, api.close = close;
  bp::plugin::fill(out, api);
  return BP_OK;
}
