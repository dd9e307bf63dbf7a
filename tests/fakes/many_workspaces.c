/* Its plans want more workspaces than a host makes room for at first. */
#define FAKE_NAME "many_workspaces"
#define FAKE_N_WS 20
#include "fake_device.h"

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  return fake_entry(host, out);
}
