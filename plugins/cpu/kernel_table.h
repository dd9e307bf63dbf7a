// Every kernel row of this plugin that an instruction set allows.
#pragma once

#include <backplane/plugin.h>

#include <vector>

#include "isa_level.h"

namespace bp::cpu {

// The rows are static: pointers stay valid while the plugin is loaded.
std::vector<const bp_kernel*> kernel_table(IsaLevel isa);

}  // namespace bp::cpu
