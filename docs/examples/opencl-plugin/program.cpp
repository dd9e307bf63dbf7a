#include <string>

#include "device.h"

namespace bp::opencl {
namespace {

constexpr char kText[] =
#include "program_text.inc"
    ;

// The compiler's own words are long: their beginning is in the message, all of it in the log.
bp_status build_failed(bp_device& device, cl_program program, cl_int code, bp_err* err) {
  size_t bytes = 0;
  clGetProgramBuildInfo(program, device.id, CL_PROGRAM_BUILD_LOG, 0, nullptr, &bytes);
  std::string log(bytes, '\0');
  clGetProgramBuildInfo(program, device.id, CL_PROGRAM_BUILD_LOG, bytes, log.data(), nullptr);
  device.host->log(device.host->ctx, BP_LOG_ERROR, log.c_str());
  return plugin::set_error(err, BP_E_INTERNAL, "opencl: the kernels do not compile (%d): %s", code, log.c_str());
}

bp_status build(bp_device& device, bp_err* err) {
  const char* text = kText;
  cl_int code = CL_SUCCESS;
  Program program(clCreateProgramWithSource(device.context.get(), 1, &text, nullptr, &code));
  if (code != CL_SUCCESS) return cl_failed(err, "clCreateProgramWithSource", code);
  // The same bits wherever a row stands: no contraction that depends on how loops were unrolled.
  code = clBuildProgram(program.get(), 1, &device.id, "-cl-std=CL1.2", nullptr, nullptr);
  if (code != CL_SUCCESS) return build_failed(device, program.get(), code, err);
  device.program = std::move(program);
  return BP_OK;
}

}  // namespace

bp_status make_kernel(bp_device& device, const char* name, Kernel* out, bp_err* err) {
  const std::lock_guard<std::mutex> lock(device.program_lock);
  if (device.program == nullptr) {
    if (const bp_status status = build(device, err); status != BP_OK) return status;
  }
  cl_int code = CL_SUCCESS;
  out->reset(clCreateKernel(device.program.get(), name, &code));
  return code == CL_SUCCESS ? BP_OK : cl_failed(err, name, code);
}

}  // namespace bp::opencl
