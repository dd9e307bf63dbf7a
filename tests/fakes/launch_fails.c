/* Refuses each launch, and names the launch before it. */
#define FAKE_NAME "launch_fails"
#include "fake_device.h"

static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  (void)bound;
  return fake_fail(err, BP_E_INTERNAL, BP_SCOPE_QUEUE, args->tag - 1, "out of luck");
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_api.launch = launch;
  return fake_entry(host, out);
}
