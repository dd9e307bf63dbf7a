// Waiting with a limit for what the runtime can only be asked about.
#pragma once

#include <backplane/plugin.h>
#include <cuda_runtime_api.h>

#include <chrono>
#include <thread>

#include "error.h"

namespace bp::cuda {

// As plugin.h says of queue_sync. query() asks (cudaErrorNotReady: not yet), wait() waits for good.
template <class Query, class Wait>
bp_status wait_for(uint64_t timeout_ns, Query query, Wait wait, const char* where, bp_err* err) {
  using Clock = std::chrono::steady_clock;
  if (timeout_ns == UINT64_MAX) return check(wait(), where, err);
  const auto begin = Clock::now();
  constexpr auto kSpin = std::chrono::microseconds(200);
  for (;;) {
    const cudaError_t result = query();
    if (result != cudaErrorNotReady) return check(result, where, err);
    static_cast<void>(cudaGetLastError());
    if (timeout_ns == 0) return plugin::set_error(err, BP_E_BUSY, "work is outstanding");
    const auto waited = Clock::now() - begin;
    if (waited > std::chrono::nanoseconds(timeout_ns)) break;
    if (waited > kSpin) std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  return plugin::set_fault(err, BP_E_TIMEOUT, {BP_SCOPE_DEVICE, 0, 0}, "the GPU has not finished in time; it may hang");
}

}  // namespace bp::cuda
