/* A required function of its device's table is missing, which shows when the device is opened. */
#define FAKE_NAME "bad_device_table"
#include "fake_device.h"

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_api.copy = NULL;
  return fake_entry(host, out);
}
