// Makes an Op class into the query and plan functions of a kernel row.
#pragma once

#include <backplane/plugin.h>

#include <memory>
#include <new>

#include "ops/op.h"

namespace bp::cuda {

bp_status query_op(Op& op, const bp_kernel& self, bp_device* device, const bp_region& region, bp_plan_info* info,
                   bp_err* err);
// `op` null: out of memory.
bp_status plan_op(std::unique_ptr<Op> op, const bp_kernel& self, bp_device* device, const bp_region& region,
                  bp_plan_info* info, bp_plan** out, bp_err* err);

template <class T>
bp_status op_query(const bp_kernel* self, bp_device* device, const bp_region* region, const int64_t*,
                   bp_plan_info* info, bp_err* err) noexcept {
  T op;
  return query_op(op, *self, device, *region, info, err);
}

template <class T>
bp_status op_plan(const bp_kernel* self, bp_device* device, const bp_region* region, const int64_t*, bp_plan** out,
                  bp_plan_info* info, bp_err* err) noexcept {
  return plan_op(std::unique_ptr<Op>(new (std::nothrow) T), *self, device, *region, info, out, err);
}

}  // namespace bp::cuda
