/* Launches only enqueue: queue_sync does the work. It has no events. */
#define FAKE_NAME "queued"
#include "fake_device.h"

enum { kMaxQueued = 64 };
static bp_bound* queued[kMaxQueued];
static int64_t n_elements[kMaxQueued];
static int n_queued;

static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  if (n_queued == kMaxQueued) return fake_fail(err, BP_E_INTERNAL, BP_SCOPE_CALL, args->tag, "the queue is full");
  queued[n_queued] = bound;
  n_elements[n_queued++] = args->dyn[0];
  return BP_OK;
}

static bp_status queue_sync(bp_queue* q, uint64_t timeout_ns, bp_err* err) {
  (void)q, (void)timeout_ns, (void)err;
  for (int i = 0; i < n_queued; ++i) {
    for (int64_t at = 0; at < n_elements[i]; ++at) queued[i]->y[at] = queued[i]->x[at] + 1;
  }
  n_queued = 0;
  return BP_OK;
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_kernel.id = "queued.silu";
  fake_kernel.pattern = "(silu ?x)";
  fake_api.flags = 0;
  fake_api.launch = launch;
  fake_api.queue_sync = queue_sync;
  return fake_entry(host, out);
}
