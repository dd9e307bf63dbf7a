/* Has timing events, on a clock of its own: a launch takes 100 us, an event 1 us. Launches do not wait. */
#define FAKE_NAME "timed"
#include "fake_device.h"

struct bp_event {
  double at_us;
};

static double fake_now_us;

static bp_status event_create(bp_device* d, uint32_t flags, bp_event** out, bp_err* err) {
  (void)d, (void)flags, (void)err;
  *out = calloc(1, sizeof **out);
  return BP_OK;
}

static void event_destroy(bp_event* event) { free(event); }

static bp_status event_record(bp_event* event, bp_queue* q, bp_err* err) {
  (void)q, (void)err;
  event->at_us = fake_now_us += 1;
  return BP_OK;
}

static bp_status event_wait(bp_queue* q, bp_event* event, bp_err* err) {
  (void)q, (void)event, (void)err;
  return BP_OK;
}

static bp_status event_sync(bp_event* event, uint64_t timeout_ns, bp_err* err) {
  (void)event, (void)timeout_ns, (void)err;
  return BP_OK;
}

static bp_status event_elapsed(bp_event* begin, bp_event* end, double* us, bp_err* err) {
  (void)err;
  *us = end->at_us - begin->at_us;
  return BP_OK;
}

static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  fake_now_us += 100;
  return fake_launch(bound, args, err);
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_kernel.id = "timed.silu";
  fake_kernel.pattern = "(silu ?x)";
  fake_api.flags = 0;
  fake_api.launch = launch;
  fake_api.event_create = event_create;
  fake_api.event_destroy = event_destroy;
  fake_api.event_record = event_record;
  fake_api.event_wait = event_wait;
  fake_api.event_sync = event_sync;
  fake_api.event_elapsed = event_elapsed;
  return fake_entry(host, out);
}
