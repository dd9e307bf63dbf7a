#include "perf/limits.h"

#include <backplane/x_limits.h>

#include <array>

namespace bp {
namespace {

Error failed(const Device& device, const char* call, const bp_err& err) {
  return {ErrorCode::kDevice, device.info().id + ": " + call, err.msg, ""};
}

bp_err fresh_error() {
  bp_err err{};
  err.struct_size = sizeof(bp_err);
  return err;
}

}  // namespace

double DeviceLimits::matrix_rate_for(DType dtype) const {
  const auto rate = [&](DType type) {
    const auto found = matrix_ops_per_s.find(type);
    return found == matrix_ops_per_s.end() ? 0.0 : found->second;
  };
  const double own = rate(is_block(dtype) ? DType::kI8 : dtype);
  return own > 0 ? own : rate(DType::kF32);
}

Result<DeviceLimits> measure_limits(Device& device) {
  const auto* table = static_cast<const bp_ext_x_limits*>(device.extension(BP_EXT_X_LIMITS));
  if (!BP_HAS(bp_ext_x_limits, table, read_bandwidth) || !BP_HAS(bp_ext_x_limits, table, matrix_rate)) {
    return fail(ErrorCode::kUnsupported, device.info().id,
                "its plugin does not measure limits (no extension " BP_EXT_X_LIMITS ")",
                "time it against a peer instead");
  }
  DeviceLimits limits;
  bp_err err = fresh_error();
  if (table->read_bandwidth(device.handle(), &limits.read_bytes_per_s, &err) != BP_OK) {
    return std::unexpected(failed(device, "read_bandwidth", err));
  }
  for (const DType dtype : std::array{DType::kF32, DType::kBF16, DType::kF16, DType::kI8}) {
    err = fresh_error();
    double rate = 0;
    const bp_status status = table->matrix_rate(device.handle(), static_cast<uint32_t>(dtype), &rate, &err);
    if (status == BP_OK) limits.matrix_ops_per_s[dtype] = rate;
    if (status != BP_OK && status != BP_E_UNSUPPORTED) return std::unexpected(failed(device, "matrix_rate", err));
  }
  return limits;
}

}  // namespace bp
