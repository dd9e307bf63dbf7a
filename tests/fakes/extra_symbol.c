/* Exports a second symbol, which could take the place of the host's own. */
#define FAKE_NAME "extra_symbol"
#include "fake_device.h"

BP_EXPORT int bp_fake_extra(void);
BP_EXPORT int bp_fake_extra(void) { return 1; }

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  return fake_entry(host, out);
}
