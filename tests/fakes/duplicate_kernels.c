/* Two kernels of one id. */
#define FAKE_NAME "duplicate_kernels"
#include "fake_device.h"

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_kernel_list[1] = &fake_kernel;
  fake_n_kernel = 2;
  return fake_entry(host, out);
}
