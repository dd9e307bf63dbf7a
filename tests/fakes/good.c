/* Does everything right. */
#define FAKE_NAME "good"
#include "fake_device.h"

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  return fake_entry(host, out);
}
