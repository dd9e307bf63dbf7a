/* A required function of its plugin table is missing. */
#define FAKE_NAME "bad_table"
#include "fake_device.h"

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_entry(host, out);
  out->open = NULL;
  return BP_OK;
}
