/* A kernel with tunables, "y = x + 1" again. "speed" 0, the default, waits 300 us a launch, 1 waits 100. "way" 0 is
 * right; 1 is wrong; 2 fails in plan; 3 ends the process where $FAKE_TUNABLE_KILLS is set; "sum" changes bits, and says
 * so. */
#define FAKE_NAME "tunable"
#include <time.h>
#include "fake_device.h"

static const int64_t speed_values[] = {0, 1};
static const int64_t way_values[] = {0, 1, 2, 3};
static const int64_t sum_values[] = {0, 1};
static const bp_tunable tunables[] = {
    {"speed", 2, 0, speed_values}, {"way", 4, 0, way_values}, {"sum", 2, BP_TUN_BITS, sum_values}};

struct tuned_plan {
  bp_plan base; /* first: a bp_plan is what the border passes */
  int64_t speed, way, sum;
};
struct tuned_bound {
  bp_bound base;
  const float* one;
  const struct tuned_plan* plan;
};

static bp_status plan(const bp_kernel* self, bp_device* d, const bp_region* region, const int64_t* config,
                      bp_plan** out, bp_plan_info* info, bp_err* err) {
  (void)self, (void)region, (void)info;
  if (config && config[1] == 2) return fake_fail(err, BP_E_NOMEM, BP_SCOPE_CALL, 0, "too large a tile");
  struct tuned_plan* made = calloc(1, sizeof *made);
  made->base.device = d;
  made->speed = config ? config[0] : 0;
  made->way = config ? config[1] : 0;
  made->sum = config ? config[2] : 0;
  ++d->n_open;
  *out = &made->base;
  return BP_OK;
}

static bp_status bind(bp_plan* made, const bp_span* args, uint32_t n, const bp_span* ws, uint32_t n_ws, bp_bound** out,
                      bp_err* err) {
  (void)ws, (void)n_ws;
  if (n != 3) return fake_fail(err, BP_E_INVALID, BP_SCOPE_CALL, 0, "three arguments wanted");
  struct tuned_bound* bound = calloc(1, sizeof *bound);
  bound->base.device = made->device;
  bound->base.x = (const float*)(const void*)fake_at(&args[0]);
  bound->one = (const float*)(const void*)fake_at(&args[1]);
  bound->base.y = (float*)(void*)fake_at(&args[2]);
  bound->plan = (const struct tuned_plan*)(const void*)made;
  ++made->device->n_open;
  *out = &bound->base;
  return BP_OK;
}

static bp_status launch(bp_bound* base, const bp_launch* args, bp_err* err) {
  (void)err;
  const struct tuned_bound* bound = (const struct tuned_bound*)(const void*)base;
  if (bound->plan->way == 3 && getenv("FAKE_TUNABLE_KILLS")) abort();
  struct timespec begin, now;
  timespec_get(&begin, TIME_UTC);
  const long wait_ns = bound->plan->speed ? 100000 : 300000;
  for (int64_t i = 0; i < args->dyn[0]; ++i) base->y[i] = base->x[i] + bound->one[i] + (bound->plan->way == 1 ? 1 : 0);
  if (bound->plan->sum) base->y[0] += 1e-6f;
  do timespec_get(&now, TIME_UTC);
  while ((now.tv_sec - begin.tv_sec) * 1000000000L + (now.tv_nsec - begin.tv_nsec) < wait_ns);
  return BP_OK;
}

/* Where $FAKE_TUNABLE_PROPOSES is set: first way 1, once that is known to have failed speed 1, then no more. "outside":
 * what is none of the values. */
static bp_status propose(bp_device* d, const bp_kernel* kernel, const bp_region* region, const int64_t* tried,
                         const double* us, uint32_t n_tried, int64_t* next, bp_err* err) {
  (void)d, (void)kernel, (void)region;
  next[0] = next[1] = next[2] = 0;
  if (strcmp(getenv("FAKE_TUNABLE_PROPOSES"), "outside") == 0) {
    next[0] = 99;
    return BP_OK;
  }
  const int knows_default = tried[0] == 0 && tried[1] == 0 && tried[2] == 0 && us[0] > 0;
  if (n_tried == 1 && knows_default) {
    next[1] = 1;
    return BP_OK;
  }
  if (n_tried == 2 && tried[4] == 1 && us[1] != us[1]) {
    next[0] = 1;
    return BP_OK;
  }
  return fake_fail(err, BP_E_UNSUPPORTED, BP_SCOPE_CALL, 0, "no more");
}
static const bp_ext_tune tune_ext = {sizeof tune_ext, 0, propose, 0};

static const void* ext(bp_device* d, const char* name) {
  (void)d;
  return strcmp(name, "tune/1") == 0 && getenv("FAKE_TUNABLE_PROPOSES") ? &tune_ext : 0;
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_kernel.n_tunable = 3;
  fake_kernel.tunable = tunables;
  fake_kernel.plan = plan;
  fake_api.plan_bind = bind;
  fake_api.launch = launch;
  fake_api.ext = ext;
  return fake_entry(host, out);
}
