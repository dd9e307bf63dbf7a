#include "error.h"

#include <cstdio>

namespace bp::cuda {
namespace {

// Errors after which every call of this process on the device fails.
bool is_sticky(cudaError_t error) {
  switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorContextIsDestroyed:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorMpsRpcFailure:
    case cudaErrorMpsServerNotReady:
    case cudaErrorCudartUnloading:
      return true;
    default:
      return false;
  }
}

bp_status status_of(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
      return BP_E_NOMEM;
    case cudaErrorNotReady:
    case cudaErrorDevicesUnavailable:
    case cudaErrorDeviceAlreadyInUse:
      return BP_E_BUSY;
    case cudaErrorInsufficientDriver:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorUnsupportedPtxVersion:
      return BP_E_VERSION;
    case cudaErrorInvalidValue:
    case cudaErrorInvalidDevice:
      return BP_E_INVALID;
    case cudaErrorNotSupported:
      return BP_E_UNSUPPORTED;
    default:
      return BP_E_INTERNAL;
  }
}

}  // namespace

bp_status check(cudaError_t result, const char* where, bp_err* err, uint64_t tag) {
  if (result == cudaSuccess) return BP_OK;
  static_cast<void>(cudaGetLastError());  // an error that was reported is not the next call's
  const bool sticky = is_sticky(result);
  char text[sizeof(bp_err::msg)];
  std::snprintf(text, sizeof(text), "%s: %s (%s, %d)%s", where, cudaGetErrorString(result), cudaGetErrorName(result),
                static_cast<int>(result), sticky ? "; a new process is needed to use the GPU again" : "");
  const uint32_t scope = sticky ? BP_SCOPE_PROCESS : BP_SCOPE_CALL;
  return plugin::set_fault(err, sticky ? bp_status{BP_E_DEVICE_LOST} : status_of(result), {scope, result, tag}, text);
}

}  // namespace bp::cuda
