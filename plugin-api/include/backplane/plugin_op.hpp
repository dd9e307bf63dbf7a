// Optional C++17 help over plugin.h, beside plugin.hpp: the six functions that all kernels share, made of one class for
// each kind of kernel. Header-only; nothing here is part of the border.
//
//   class Relu final : public bp::plugin::AddressedOp { … };                      // accept(), address(), launch()
//   constexpr bp_kernel kRelu = bp::plugin::op_row<Relu>({"mychip.relu", "relu", "dtype(x)=f32"});
//   bp::plugin::add_op_functions(table);      // plan_bind, launch and the destroys; `kernels` gives the rows
//
// It defines bp_plan and bp_bound: a plugin has these or its own. What an op throws becomes a status at the border.
// Thread-safety: as plugin.h asks: an op is const once it is planned, and its bounds are launched by one thread each.
#pragma once

#include <backplane/plugin_region.hpp>

#include <cstddef>
#include <memory>
#include <vector>

// An op with its memory.
struct bp_bound {
  bp_bound() = default;
  bp_bound(const bp_bound&) = delete;
  bp_bound& operator=(const bp_bound&) = delete;
  virtual ~bp_bound() = default;
  virtual bp_status launch(const bp_launch& launch, bp_err* err) = 0;
};

namespace bp::plugin {

// What plan_bind was given, whole: no workspace is smaller than was asked for.
struct Spans {
  const bp_span* args = nullptr;  // by slot
  uint32_t n_args = 0;
  bp_span ws{};  // ws_bytes() of scratch; absent where that is 0

  static bool is_absent(const bp_span& span) noexcept { return span.mem == nullptr && span.host == nullptr; }
};

// What one row does for one region. Made by query, and again by plan, which keeps it.
class Op {
 public:
  Op() = default;
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;
  virtual ~Op() = default;

  // Values of the row's tunables, before all else; null: the defaults.
  virtual void configure(const int64_t*) {}
  // Null, or why this region is not for the row, for `backplane explain`. Allocates nothing and calls no device. What
  // the op needs of the region it copies. `user`: the row's.
  virtual const char* accept(const RegionView& region, const bp_device& device, const void* user) = 0;
  virtual uint64_t ws_bytes() const { return 0; }
  virtual uint64_t ws_align() const { return BP_ARG_ALIGN; }
  // What a library below keeps for itself.
  virtual uint64_t internal_bytes() const { return 0; }
  // What only plan may do: compile, allocate, call the device.
  virtual bp_status make_ready(bp_device&, const bp_region&, bp_err*) { return BP_OK; }
  // The op outlives what it binds.
  virtual bp_status bind(const Spans& spans, std::unique_ptr<bp_bound>* out, bp_err* err) const = 0;
};

}  // namespace bp::plugin

struct bp_plan {
  std::unique_ptr<bp::plugin::Op> op;
};

namespace bp::plugin {

// ---- ports whose memory has addresses ----

struct Addresses {
  std::byte* const* args;  // by slot; null: absent
  std::byte* ws;

  template <class T>
  T* arg(uint32_t slot) const noexcept {
    return reinterpret_cast<T*>(args[slot]);
  }
};

class AddressedOp : public Op {
 public:
  // Enqueues, or on a BP_DEV_INLINE device runs.
  virtual bp_status launch(const Addresses& at, const bp_launch& launch, bp_err* err) const = 0;
  bp_status bind(const Spans& spans, std::unique_ptr<bp_bound>* out, bp_err* err) const final;

 protected:
  // Where a span begins for the port's kernels; null: out of their reach.
  virtual std::byte* address(const bp_span& span) const = 0;
};

class AddressedBound final : public bp_bound {
 public:
  AddressedBound(const AddressedOp& op, std::vector<std::byte*> args, std::byte* ws)
      : op_(op), args_(std::move(args)), ws_(ws) {}
  bp_status launch(const bp_launch& launch, bp_err* err) override {
    return op_.launch({args_.data(), ws_}, launch, err);
  }

 private:
  const AddressedOp& op_;
  std::vector<std::byte*> args_;
  std::byte* ws_;
};

inline bp_status AddressedOp::bind(const Spans& spans, std::unique_ptr<bp_bound>* out, bp_err* err) const {
  std::vector<std::byte*> args(spans.n_args, nullptr);
  for (uint32_t i = 0; i < spans.n_args; ++i) {
    if (Spans::is_absent(spans.args[i])) continue;
    args[i] = address(spans.args[i]);
    if (args[i] == nullptr)
      return set_error(err, BP_E_INVALID, "plan_bind: argument %u is out of the device's reach", i);
  }
  std::byte* ws = ws_bytes() > 0 ? address(spans.ws) : nullptr;
  if (ws_bytes() > 0 && ws == nullptr)
    return set_error(err, BP_E_INVALID, "plan_bind: the workspace is out of the device's reach");
  *out = std::make_unique<AddressedBound>(*this, std::move(args), ws);
  return BP_OK;
}

// ---- the functions ----

inline bp_status query_op(Op& op, const bp_kernel& self, const bp_device& device, const bp_region& region,
                          const int64_t* config, bp_plan_info* info, bp_err* err) {
  op.configure(config);
  if (const char* why = op.accept(RegionView(region), device, self.user); why != nullptr)
    return set_error(err, BP_E_UNSUPPORTED, "%s", why);
  if (info == nullptr) return BP_OK;
  info->n_ws = 0;
  info->internal_bytes = op.internal_bytes();
  if (op.ws_bytes() > 0) add_workspace(info, BP_WS_SCRATCH, op.ws_bytes(), op.ws_align());
  return BP_OK;
}

template <class T>
bp_status op_query(const bp_kernel* self, bp_device* device, const bp_region* region, const int64_t* config,
                   bp_plan_info* info, bp_err* err) noexcept {
  return guard(err, [&] {
    T op;
    return query_op(op, *self, *device, *region, config, info, err);
  });
}

template <class T>
bp_status op_plan(const bp_kernel* self, bp_device* device, const bp_region* region, const int64_t* config,
                  bp_plan** out, bp_plan_info* info, bp_err* err) noexcept {
  return guard(err, [&] {
    auto plan = std::make_unique<bp_plan>();
    plan->op = std::make_unique<T>();
    bp_status status = query_op(*plan->op, *self, *device, *region, config, info, err);
    if (status == BP_OK) status = plan->op->make_ready(*device, *region, err);
    if (status == BP_OK) *out = plan.release();
    return status;
  });
}

inline bp_status plan_bind(bp_plan* plan, const bp_span* args, uint32_t n, const bp_span* ws, uint32_t n_ws,
                           bp_bound** out, bp_err* err) noexcept {
  return guard(err, [&]() -> bp_status {
    const uint64_t ws_bytes = plan->op->ws_bytes();
    if (ws_bytes > 0 && (n_ws == 0 || ws[0].bytes < ws_bytes))
      return set_error(err, BP_E_INVALID, "plan_bind: the workspace is smaller than the plan asked for");
    std::unique_ptr<bp_bound> bound;
    const bp_status status = plan->op->bind({args, n, ws_bytes > 0 ? ws[0] : bp_span{}}, &bound, err);
    if (status == BP_OK) *out = bound.release();
    return status;
  });
}

inline bp_status bound_launch(bp_bound* bound, const bp_launch* launch, bp_err* err) noexcept {
  return guard(err, [&] { return bound->launch(*launch, err); });
}

inline void bound_destroy(bp_bound* bound) noexcept { delete bound; }

inline void plan_destroy(bp_plan* plan) noexcept { delete plan; }

constexpr void add_op_functions(bp_device_api& table) noexcept {
  table.plan_bind = plan_bind, table.launch = bound_launch;
  table.bound_destroy = bound_destroy, table.plan_destroy = plan_destroy;
}

// ---- rows ----

// A row in words, as bp_kernel has them.
struct RowText {
  const char* id;
  const char* pattern;
  const char* where = "";
  const char* alias = "";
  const void* user = nullptr;
  int32_t priority = 0;
  const char* layouts = "";
  const char* numerics = nullptr;
  uint32_t flags = 0;  // BP_K_*
  const bp_tunable* tunables = nullptr;
  uint32_t n_tunables = 0;
};

// T: an Op without constructor arguments. The texts outlive the row.
template <class T>
constexpr bp_kernel op_row(const RowText& text) noexcept {
  bp_kernel out{};
  out.struct_size = sizeof(bp_kernel);
  out.flags = text.flags;
  out.priority = text.priority;
  out.n_tunable = text.n_tunables;
  out.tunable = text.tunables;
  out.tunable_stride = text.n_tunables > 0 ? sizeof(bp_tunable) : 0;
  out.user = text.user;
  out.id = text.id;
  out.pattern = text.pattern;
  out.where = text.where;
  out.layouts = text.layouts;
  out.alias = text.alias;
  out.numerics = text.numerics;
  out.query = op_query<T>;
  out.plan = op_plan<T>;
  return out;
}

}  // namespace bp::plugin
