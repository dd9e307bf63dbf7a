// What a device can do at best, measured by its plugin in this run: the yardstick of every figure.
#pragma once

#include <map>
#include <string>

#include "base/dtype.h"
#include "plugin_host/device.h"

namespace bp {

struct DeviceLimits {
  double read_bytes_per_s = 0;
  std::map<DType, double> matrix_ops_per_s;  // types the device has a fast path for: f32, bf16, f16, i8

  // The rate of the type that a product with weights of `dtype` is computed in: block formats in i8 where the device
  // has that, else the type itself, else f32. 0 = not known.
  double matrix_rate_for(DType dtype) const;
};

// Takes a second or two. Errors: kUnsupported where the plugin does not measure itself (extension "x.limits/0").
Result<DeviceLimits> measure_limits(Device& device);

}  // namespace bp
