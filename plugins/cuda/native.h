// "native/1": "cuda.stream@1" of a queue (cudaStream_t), "cuda.pointer@1" of memory (an address of the GPU),
// "cuda.event@1" of an event (cudaEvent_t), "cuda.ordinal@1" of the device (for cudaSetDevice).
#pragma once

#include <backplane/plugin.h>

namespace bp::cuda {

extern const bp_ext_native kNativeApi;

}  // namespace bp::cuda
