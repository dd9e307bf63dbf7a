#include "work.h"

namespace bp::opencl {

int64_t loadable_block(uint16_t dtype) {
  if (is_plain_float(dtype) || dtype == BP_DT_I8 || dtype == BP_DT_U8) return 1;
  return dtype >= BP_DT_Q4_0 && dtype <= BP_DT_Q8_0 ? 32 : 0;
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

using plugin::set_error;

class BoundWork final : public bp_bound {
 public:
  BoundWork(const Work& work, Kernel kernel) : work_(work), kernel_(std::move(kernel)), args_(work.args) {}

  // Absent operands are null buffers.
  bp_status set_buffer(int param, const bp_span& span, bp_err* err) {
    if (span.mem == nullptr && span.host != nullptr)
      return set_error(err, BP_E_INVALID, "opencl: an operand is not in the device's memory");
    cl_mem memory = span.mem == nullptr ? nullptr : span.mem->buffer.get();
    args_.off[param] = span.off;
    const cl_int code = clSetKernelArg(kernel_.get(), static_cast<cl_uint>(param), sizeof memory, &memory);
    return code == CL_SUCCESS ? BP_OK : cl_failed(err, "clSetKernelArg", code);
  }

  bp_status launch(const bp_launch& launch, bp_err* err) override {
    args_.n[0] = work_.size(work_, launch.dyn, args_);
    if (args_.n[0] <= 0) return BP_OK;
    cl_int code = clSetKernelArg(kernel_.get(), kParams, sizeof args_, &args_);
    if (code != CL_SUCCESS) return cl_failed(err, "clSetKernelArg", code);
    const auto items = static_cast<size_t>(args_.n[0]);
    const size_t local = kGroup;
    const size_t global = work_.by_group ? items * local : (items + local - 1) / local * local;
    ++launch.queue->n_enqueued;
    code = clEnqueueNDRangeKernel(launch.queue->queue.get(), kernel_.get(), 1, nullptr, &global, &local, 0, nullptr,
                                  nullptr);
    if (code != CL_SUCCESS) return cl_failed(err, work_.kernel, code);
    if (!launch.queue->blame) return BP_OK;
    const bp_status status = queue_sync(launch.queue, UINT64_MAX, err);
    if (status != BP_OK && err != nullptr) err->launch_tag = launch.tag;
    return status;
  }

 private:
  const Work& work_;
  Kernel kernel_;
  Args args_;
};

class WorkOp final : public plugin::Op {
 public:
  // Fills in the slots, then asks the row.
  const char* accept(const RegionView& region, const bp_device&, const void* row) override {
    if (region.n_slots() > kMaxSlots) return "more operands than this port takes";
    for (uint32_t i = 0; i < region.n_slots(); ++i) work_.slot[i] = region.slot(i);
    for (int i = 0; i < kParams; ++i) work_.param[i] = i;
    const auto& user = *static_cast<const RowUser*>(row);
    work_.kernel = user.kernel;
    return user.init(region, user, work_);
  }

  uint64_t ws_bytes() const override { return work_.ws_bytes; }

  // Compiled here rather than in bind, which is called while tokens wait.
  bp_status make_ready(bp_device& device, const bp_region&, bp_err* err) override {
    device_ = &device;
    Kernel kernel;
    return make_kernel(device, work_.kernel, &kernel, err);
  }

  bp_status bind(const plugin::Spans& spans, std::unique_ptr<bp_bound>* out, bp_err* err) const override {
    Kernel kernel;
    if (const bp_status status = make_kernel(*device_, work_.kernel, &kernel, err); status != BP_OK) return status;
    auto bound = std::make_unique<BoundWork>(work_, std::move(kernel));
    for (int param = 0; param < kParams; ++param) {
      const int slot = work_.param[param];
      bp_span span{};
      if (slot >= 0 && slot < static_cast<int>(spans.n_args)) span = spans.args[slot];
      if (param == work_.ws_param) span = spans.ws;
      if (const bp_status status = bound->set_buffer(param, span, err); status != BP_OK) return status;
    }
    *out = std::move(bound);
    return BP_OK;
  }

 private:
  bp_device* device_ = nullptr;
  Work work_;
};

}  // namespace

bp_kernel make_row(const RowText& text) {
  plugin::RowText row{text.id, text.pattern, text.where, text.alias, &text.user};
  row.numerics = "opencl.f32";
  return plugin::op_row<WorkOp>(row);
}

}  // namespace bp::opencl
