// What the CUDA runtime says, as the border says it. Thread-safe.
#pragma once

#include <backplane/plugin.h>
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstring>
#include <string_view>

namespace bp::cuda {

template <size_t N>
void copy_text(char (&out)[N], const char* text) {
  const std::string_view cut = std::string_view(text).substr(0, N - 1);
  std::memcpy(out, cut.data(), cut.size());
  out[cut.size()] = '\0';
}

// Fills in the error, of scope CALL, and gives the status back.
bp_status set_error(bp_err* err, bp_status code, const char* text);

// BP_OK of cudaSuccess; else the error that `where` met. An error that the context does not get over has scope PROCESS,
// whichever launch it came from; `tag`: that launch, 0 = not known.
bp_status check(cudaError_t result, const char* where, bp_err* err, uint64_t tag = 0);

}  // namespace bp::cuda
