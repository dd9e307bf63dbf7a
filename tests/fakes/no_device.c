/* Fine, but its hardware is not in this machine. */
#define FAKE_NAME "no_device"
#include "fake_device.h"

static bp_status enumerate(bp_device_info* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  (void)out, (void)stride, (void)cap, (void)err;
  *n = 0;
  return BP_OK;
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_entry(host, out);
  out->enumerate = enumerate;
  return BP_OK;
}
