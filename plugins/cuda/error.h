// What the CUDA runtime says, as the border says it. Thread-safe.
#pragma once

#include <cuda_runtime_api.h>
#include <backplane/plugin.hpp>

namespace bp::cuda {

// BP_OK of cudaSuccess; else the error that `where` met. An error that the context does not get over has scope PROCESS,
// whichever launch it came from; `tag`: that launch, 0 = not known.
bp_status check(cudaError_t result, const char* where, bp_err* err, uint64_t tag = 0);

}  // namespace bp::cuda
