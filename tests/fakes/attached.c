/* Brings one kernel, "y = x + 1" computed its own way (y = x + 2), to the device of the good fake. */
#define FAKE_NAME "attached"
#define FAKE_KIND BP_KIND_ATTACHED
#define FAKE_ATTACHES_TO "good"
#include "fake_device.h"

static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  (void)err;
  for (int64_t i = 0; i < args->dyn[0]; ++i) bound->y[i] = bound->x[i] + 2;
  return BP_OK;
}

static bp_status attach(bp_device* owner, const bp_device_api* owner_api, bp_device** out, const bp_device_api** api,
                        bp_err* err) {
  (void)owner, (void)owner_api;
  fake_api.launch = launch;
  return fake_open(FAKE_NAME ":0", out, api, err);
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_entry(host, out);
  out->enumerate = NULL;
  out->open = NULL;
  out->attach = attach;
  return BP_OK;
}
