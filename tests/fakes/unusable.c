/* Its device is there but cannot be used. */
#define FAKE_NAME "unusable"
#define FAKE_SCORE 0
#define FAKE_WHY "its driver is too old"
#include "fake_device.h"

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  return fake_entry(host, out);
}
