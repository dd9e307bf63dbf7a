/* Links a library that lies in a folder beside it, found by $ORIGIN, which gives its version. */
#define FAKE_NAME "origin"
#include "fake_device.h"

int bp_fake_beside(void);

static bp_status enumerate(bp_device_info* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  if (bp_fake_beside() != 0) return fake_fail(err, BP_E_INTERNAL, BP_SCOPE_CALL, 0, "not the library beside it");
  return fake_enumerate(out, stride, cap, n, err);
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_entry(host, out);
  out->enumerate = enumerate;
  return BP_OK;
}
