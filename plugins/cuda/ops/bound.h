// Plans bound to memory, and their launch: members of the device table.
#pragma once

#include <backplane/plugin.h>

namespace bp::cuda {

bp_status plan_bind(bp_plan* plan, const bp_span* args, uint32_t n, const bp_span* ws, uint32_t n_ws, bp_bound** out,
                    bp_err* err) noexcept;
// Enqueues; on a queue for blame it waits, too.
bp_status bound_launch(bp_bound* bound, const bp_launch* launch, bp_err* err) noexcept;
void bound_destroy(bp_bound* bound) noexcept;
void plan_destroy(bp_plan* plan) noexcept;

}  // namespace bp::cuda
