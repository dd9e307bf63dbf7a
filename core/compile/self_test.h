// Does a device compute at all what it says? Thread-safety: as Device; it makes a queue of its own.
#pragma once

#include "base/result.h"
#include "plugin_host/device.h"

namespace bp {

// One matmul and one mul on small whole numbers, which every arithmetic gets right to the bit, lowered for the device
// as a model is: on its kernels where it has them, copies alone where not. Takes about a millisecond. Errors: kDevice
// with the first wrong value, or what failed.
Status self_test(Device& device);

}  // namespace bp
