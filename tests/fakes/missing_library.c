/* Links two libraries that are not there when it is loaded. */
#define FAKE_NAME "missing_library"
#define FAKE_HINT "install the fake runtime"
#include "fake_device.h"

int bp_fake_absent_one(void);
int bp_fake_absent_two(void);

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  if (bp_fake_absent_one() + bp_fake_absent_two() != 0) return BP_E_INTERNAL;
  return fake_entry(host, out);
}
