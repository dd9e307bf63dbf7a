// Extension x.limits/0: what this machine can do at best.
#pragma once

#include <backplane/x_limits.h>

namespace bp::cpu {

extern const bp_ext_x_limits kLimits;

}  // namespace bp::cpu
