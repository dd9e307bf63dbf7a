// All rows of the plugin, the same for every device.
#pragma once

#include <backplane/plugin.h>

#include <span>

namespace bp::cuda {

std::span<const bp_kernel* const> kernel_table();

}  // namespace bp::cuda
