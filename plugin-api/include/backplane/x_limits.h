/* Extension "x.limits/0": what the device can do at best, measured by the plugin with its own loops. Experimental: it
 * may change until a second port uses it. Asked for with bp_device_api.ext(device, BP_EXT_X_LIMITS); the table lives as
 * long as the device.
 *
 * `backplane bench` divides what a model reaches by these figures, so they must not come from the kernels under test.
 * Both calls run for up to a second, from any thread, with no other work of the caller in flight. */
#ifndef BP_X_LIMITS_H
#define BP_X_LIMITS_H
#include "backplane/plugin.h"
#ifdef __cplusplus
extern "C" {
#endif

#define BP_EXT_X_LIMITS "x.limits/0"

typedef struct bp_ext_x_limits {
  uint32_t struct_size, flags; /* flags: 0 */
  /* Read-only sweep over at least four times the caches with all units that kernels use. Bytes per second.
   * BP_E_NOMEM where the buffer cannot be had. */
  bp_status (*read_bandwidth)(bp_device*, double* bytes_per_s, bp_err*);
  /* Large square product of random values of `dtype` (BP_DT_*; integers accumulate in i32, floats in f32), two
   * operations for each multiply-add. BP_E_UNSUPPORTED where the device has no fast path for that type. */
  bp_status (*matrix_rate)(bp_device*, uint32_t dtype, double* ops_per_s, bp_err*);
} bp_ext_x_limits;

#ifdef __cplusplus
}
#endif
#endif
