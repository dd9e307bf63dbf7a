/* relu is right. neg crashes, abs never returns, sigmoid ends the process, and tanh writes past its result. Two fusions
 * that nobody else has: relu(neg x) is wrong in one element of the last row, relu(scale x) is right. */
#define FAKE_NAME "crashes"
#include "fake_device.h"

#include <signal.h>
#include <unistd.h>

/* Last. Columns of x, all of them static. */
static const bp_kernel* planned;
static int64_t columns;

static bp_status plan(const bp_kernel* self, bp_device* d, const bp_region* region, const int64_t* config,
                      bp_plan** out, bp_plan_info* info, bp_err* err) {
  planned = self;
  const bp_value* x = &region->value[region->arg[0]];
  columns = 1;
  for (uint32_t i = 1; i < x->rank; ++i) columns *= x->dim[i];
  return fake_plan(self, d, region, config, out, info, err);
}

/* With the factor that a graph made out of a pattern gives scale. */
static bp_status launch_fused(bp_bound* bound, int64_t n) {
  const int scaled = strcmp(planned->id, "crashes.fused_scale") == 0;
  for (int64_t i = 0; i < n; ++i) {
    const float y = scaled ? (float)(bound->x[i] * 1.7) : -bound->x[i];
    bound->y[i] = y > 0 ? y : 0;
  }
  if (!scaled && n > columns) bound->y[n - 1] += 0.001f;
  return BP_OK;
}

static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  (void)err;
  if (strncmp(planned->id, "crashes.fused", 13) == 0) return launch_fused(bound, args->dyn[0] * columns);
  if (strcmp(planned->id, "crashes.neg") == 0) raise(SIGSEGV);
  if (strcmp(planned->id, "crashes.sigmoid") == 0) _exit(7);
  while (strcmp(planned->id, "crashes.abs") == 0) pause();
  for (int64_t i = 0; i < args->dyn[0] * columns; ++i) bound->y[i] = bound->x[i] > 0 ? bound->x[i] : 0;
  if (strcmp(planned->id, "crashes.tanh") == 0) bound->y[257 * columns] = 1;
  return BP_OK;
}

#define ROW(name, text) {.struct_size = sizeof(bp_kernel), .id = "crashes." name, .pattern = text, .plan = plan}
static const bp_kernel rows[] = {ROW("relu", "relu"),
                                 ROW("neg", "neg"),
                                 ROW("abs", "abs"),
                                 ROW("sigmoid", "sigmoid"),
                                 ROW("tanh", "tanh"),
                                 ROW("fused_neg", "(relu (neg ?x))"),
                                 ROW("fused_scale", "(relu (scale ?x))")};
static const bp_kernel* list[] = {&rows[0], &rows[1], &rows[2], &rows[3], &rows[4], &rows[5], &rows[6]};

static bp_status kernels(bp_device* d, const bp_kernel* const** out, uint32_t* n, bp_err* err) {
  (void)d, (void)err;
  *out = list;
  *n = sizeof list / sizeof *list;
  return BP_OK;
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_api.kernels = kernels;
  fake_api.launch = launch;
  return fake_entry(host, out);
}
