/* Falls off the bus at the first launch. Any call after that other than destroying ends the process. */
#define FAKE_NAME "device_lost"
#include "fake_device.h"

static int is_lost;

static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  (void)bound;
  if (is_lost) abort();
  is_lost = 1;
  return fake_fail(err, BP_E_DEVICE_LOST, BP_SCOPE_PROCESS, args->tag, "fell off the bus");
}

static bp_status queue_sync(bp_queue* q, uint64_t timeout_ns, bp_err* err) {
  if (is_lost) abort();
  return fake_queue_sync(q, timeout_ns, err);
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  is_lost = 0;
  fake_api.launch = launch;
  fake_api.queue_sync = queue_sync;
  return fake_entry(host, out);
}
