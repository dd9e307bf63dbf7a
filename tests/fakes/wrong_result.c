/* Multiplies, and always has one too many: the self-test finds out. */
#define FAKE_NAME "wrong_result"
#include "fake_device.h"

struct wrong_bound {
  const float *a, *b;
  float* y;
};

static bp_status plan_bind(bp_plan* plan, const bp_span* args, uint32_t n, const bp_span* ws, uint32_t n_ws,
                           bp_bound** out, bp_err* err) {
  (void)plan, (void)ws, (void)n_ws;
  if (n != 3) return fake_fail(err, BP_E_INVALID, BP_SCOPE_CALL, 0, "three arguments wanted");
  struct wrong_bound* bound = malloc(sizeof *bound);
  bound->a = (const float*)(const void*)fake_at(&args[0]);
  bound->b = (const float*)(const void*)fake_at(&args[1]);
  bound->y = (float*)(void*)fake_at(&args[2]);
  *out = (bp_bound*)bound;
  return BP_OK;
}

static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  (void)args, (void)err;
  struct wrong_bound* wrong = (struct wrong_bound*)bound;
  for (int i = 0; i < 8 * 32; ++i) wrong->y[i] = wrong->a[i] * wrong->b[i] + 1;
  return BP_OK;
}

static void bound_destroy(bp_bound* bound) { free(bound); }

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_kernel.id = "wrong_result.mul";
  fake_kernel.pattern = "(mul ?a ?b)";
  fake_kernel.where = "rank(a)=2; dim(a,0)=8; dim(a,1)=32; rank(b)=2";
  fake_api.plan_bind = plan_bind;
  fake_api.launch = launch;
  fake_api.bound_destroy = bound_destroy;
  return fake_entry(host, out);
}
