/* Refuses each launch, and names the launch before it. Its queue is always busy. */
#define FAKE_NAME "launch_fails"
#include "fake_device.h"

static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  (void)bound;
  return fake_fail(err, BP_E_INTERNAL, BP_SCOPE_QUEUE, args->tag - 1, "out of luck");
}

static bp_status queue_sync(bp_queue* q, uint64_t timeout_ns, bp_err* err) {
  (void)q;
  return timeout_ns == 0 ? BP_E_BUSY : fake_fail(err, BP_E_TIMEOUT, BP_SCOPE_DEVICE, 0, "still busy");
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_api.launch = launch;
  fake_api.queue_sync = queue_sync;
  return fake_entry(host, out);
}
