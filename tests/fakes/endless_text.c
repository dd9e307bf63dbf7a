/* A device whose name has no end. */
#define FAKE_NAME "endless_text"
#include "fake_device.h"

static bp_status enumerate(bp_device_info* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  fake_enumerate(out, stride, cap, n, err);
  memset(out->name, 'x', sizeof out->name);
  return BP_OK;
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_entry(host, out);
  out->enumerate = enumerate;
  return BP_OK;
}
