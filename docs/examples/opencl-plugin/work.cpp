#include "work.h"

#include <cstring>
#include <new>

using bp::plugin::set_error;

struct bp_plan {
  bp_device* device;
  bp::opencl::Work work;
};

struct bp_bound {
  const bp::opencl::Work* work;
  bp::opencl::Kernel kernel;
  bp::opencl::Args args;
};

namespace bp::opencl {

bool Tensor::is_static(uint32_t begin) const {
  for (uint32_t i = begin; i < rank; ++i) {
    if (sym[i] != 0) return false;
  }
  return true;
}

int64_t element_bytes(uint16_t dtype) {
  switch (dtype) {
    case BP_DT_F32:
    case BP_DT_I32:
      return 4;
    case BP_DT_F16:
    case BP_DT_BF16:
    case BP_DT_I16:
      return 2;
    case BP_DT_F64:
    case BP_DT_I64:
      return 8;
    case BP_DT_I8:
    case BP_DT_U8:
    case BP_DT_BOOL:
    case BP_DT_FP8_E4M3:
    case BP_DT_FP8_E5M2:
    case BP_DT_E8M0:
      return 1;
    default:
      return 0;
  }
}

int64_t loadable_block(uint16_t dtype) {
  if (is_plain_float(dtype) || dtype == BP_DT_I8 || dtype == BP_DT_U8) return 1;
  return dtype >= BP_DT_Q4_0 && dtype <= BP_DT_Q8_0 ? 32 : 0;
}

bool same_shape(const Tensor& a, const Tensor& b) {
  if (a.rank != b.rank) return false;
  for (uint32_t i = 0; i < a.rank; ++i) {
    if (a.dim[i] != b.dim[i] || a.sym[i] != b.sym[i]) return false;
  }
  return true;
}

void set_places(const Work& work, int out, int in, int at, const int64_t* dyn, Args& args) {
  const Tensor &y = work.slot[out], &x = work.slot[in];
  args.n[1] = y.rank;
  int64_t stride = 1;
  for (uint32_t back = 0; back < y.rank; ++back) {
    const uint32_t axis = y.rank - 1 - back;
    args.n[8 + axis] = y.size(axis, dyn);
    const int64_t size = back < x.rank ? x.size(x.rank - 1 - back, dyn) : 1;
    args.n[at + static_cast<int>(axis)] = size == 1 ? 0 : stride;
    stride *= size;
  }
}

namespace {

// Fills in the slots, then asks the row.
const char* init(const bp_kernel& self, const bp_region& region, Work& work) {
  if (region.n_arg > kMaxSlots) return "more operands than this port takes";
  for (uint32_t i = 0; i < region.n_arg; ++i) {
    const bp_value* value = plugin::slot_at(region, i);
    if (value == nullptr) continue;
    Tensor& tensor = work.slot[i];
    tensor.present = true;
    tensor.dtype = value->dtype;
    tensor.rank = value->rank;
    for (uint32_t axis = 0; axis < value->rank; ++axis) {
      tensor.dim[axis] = value->dim[axis];
      tensor.sym[axis] = value->dim_sym[axis];
    }
  }
  for (int i = 0; i < kParams; ++i) work.param[i] = i;
  const auto& user = *static_cast<const RowUser*>(self.user);
  work.kernel = user.kernel;
  return user.init(region, user, work);
}

bp_status prepare(const bp_kernel* self, const bp_region* region, Work& work, bp_plan_info* info, bp_err* err) {
  const char* why = init(*self, *region, work);
  if (why != nullptr) return set_error(err, BP_E_UNSUPPORTED, "%s", why);
  if (work.ws_bytes > 0) plugin::add_workspace(info, BP_WS_SCRATCH, work.ws_bytes, BP_ARG_ALIGN);
  return BP_OK;
}

bp_status query(const bp_kernel* self, bp_device*, const bp_region* region, const int64_t*, bp_plan_info* info,
                bp_err* err) noexcept {
  Work work;
  return prepare(self, region, work, info, err);
}

bp_status plan(const bp_kernel* self, bp_device* device, const bp_region* region, const int64_t*, bp_plan** out,
               bp_plan_info* info, bp_err* err) noexcept {
  return plugin::guard(err, [&] {
    auto made = std::make_unique<bp_plan>();
    made->device = device;
    if (const bp_status status = prepare(self, region, made->work, info, err); status != BP_OK) return status;
    Kernel kernel;  // compiled here rather than in plan_bind, which is called while tokens wait
    if (const bp_status status = make_kernel(*device, made->work.kernel, &kernel, err); status != BP_OK) return status;
    *out = made.release();
    return bp_status{BP_OK};
  });
}

// Absent operands are null buffers.
bp_status set_buffer(bp_bound& bound, int param, const bp_span& span, bp_err* err) {
  if (span.mem == nullptr && span.host != nullptr)
    return set_error(err, BP_E_INVALID, "opencl: an operand is not in the device's memory");
  cl_mem memory = span.mem == nullptr ? nullptr : span.mem->buffer.get();
  bound.args.off[param] = span.off;
  const cl_int code = clSetKernelArg(bound.kernel.get(), static_cast<cl_uint>(param), sizeof memory, &memory);
  return code == CL_SUCCESS ? BP_OK : cl_failed(err, "clSetKernelArg", code);
}

}  // namespace

bp_kernel make_row(const RowText& text) {
  bp_kernel kernel{};
  kernel.struct_size = sizeof kernel;
  kernel.id = text.id;
  kernel.pattern = text.pattern;
  kernel.where = text.where;
  kernel.alias = text.alias;
  kernel.numerics = "opencl.f32";
  kernel.user = &text.user;
  kernel.query = query;
  kernel.plan = plan;
  return kernel;
}

bp_status plan_bind(bp_plan* plan, const bp_span* args, uint32_t n, const bp_span* ws, uint32_t n_ws, bp_bound** out,
                    bp_err* err) noexcept {
  return plugin::guard(err, [&]() -> bp_status {
    const Work& work = plan->work;
    if (work.ws_bytes > 0 && (n_ws == 0 || ws[0].bytes < work.ws_bytes))
      return set_error(err, BP_E_INVALID, "opencl: the workspace is smaller than the plan asked for");
    auto bound = std::make_unique<bp_bound>();
    bound->work = &work;
    bound->args = work.args;
    if (const bp_status status = make_kernel(*plan->device, work.kernel, &bound->kernel, err); status != BP_OK)
      return status;
    for (int param = 0; param < kParams; ++param) {
      const int slot = work.param[param];
      bp_span span{};
      if (slot >= 0 && slot < static_cast<int>(n)) span = args[slot];
      if (param == work.ws_param) span = ws[0];
      if (const bp_status status = set_buffer(*bound, param, span, err); status != BP_OK) return status;
    }
    *out = bound.release();
    return BP_OK;
  });
}

bp_status launch(bp_bound* bound, const bp_launch* launch, bp_err* err) noexcept {
  Args& args = bound->args;
  args.n[0] = bound->work->size(*bound->work, launch->dyn, args);
  if (args.n[0] <= 0) return BP_OK;
  cl_int code = clSetKernelArg(bound->kernel.get(), kParams, sizeof args, &args);
  if (code != CL_SUCCESS) return cl_failed(err, "clSetKernelArg", code);
  const auto items = static_cast<size_t>(args.n[0]);
  const size_t local = kGroup;
  const size_t global = bound->work->by_group ? items * local : (items + local - 1) / local * local;
  ++launch->queue->n_enqueued;
  code = clEnqueueNDRangeKernel(launch->queue->queue.get(), bound->kernel.get(), 1, nullptr, &global, &local, 0,
                                nullptr, nullptr);
  if (code != CL_SUCCESS) return cl_failed(err, bound->work->kernel, code);
  if (!launch->queue->blame) return BP_OK;
  const bp_status status = queue_sync(launch->queue, UINT64_MAX, err);
  if (status != BP_OK && err != nullptr) err->launch_tag = launch->tag;
  return status;
}

void bound_destroy(bp_bound* bound) noexcept { delete bound; }

void plan_destroy(bp_plan* plan) noexcept { delete plan; }

}  // namespace bp::opencl
