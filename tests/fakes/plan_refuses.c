/* Its kernel matches, and finds out in plan that it cannot. */
#define FAKE_NAME "plan_refuses"
#include "fake_device.h"

static bp_status plan(const bp_kernel* self, bp_device* d, const bp_region* region, const int64_t* config,
                      bp_plan** out, bp_plan_info* info, bp_err* err) {
  (void)self, (void)d, (void)region, (void)config, (void)out, (void)info;
  return fake_fail(err, BP_E_UNSUPPORTED, BP_SCOPE_CALL, 0, "the library has no algorithm");
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_kernel.plan = plan;
  return fake_entry(host, out);
}
