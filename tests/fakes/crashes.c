/* relu is right. neg crashes, abs never returns, sigmoid ends the process, and tanh writes past its result. */
#define FAKE_NAME "crashes"
#include "fake_device.h"

#include <signal.h>
#include <unistd.h>

static const bp_kernel* planned; /* last */

static bp_status plan(const bp_kernel* self, bp_device* d, const bp_region* region, const int64_t* config,
                      bp_plan** out, bp_plan_info* info, bp_err* err) {
  planned = self;
  return fake_plan(self, d, region, config, out, info, err);
}

static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  (void)err;
  const int64_t columns = 37; /* of the cases of these ops */
  if (strcmp(planned->id, "crashes.neg") == 0) raise(SIGSEGV);
  if (strcmp(planned->id, "crashes.sigmoid") == 0) _exit(7);
  while (strcmp(planned->id, "crashes.abs") == 0) pause();
  for (int64_t i = 0; i < args->dyn[0] * columns; ++i) bound->y[i] = bound->x[i] > 0 ? bound->x[i] : 0;
  if (strcmp(planned->id, "crashes.tanh") == 0) bound->y[257 * columns] = 1;
  return BP_OK;
}

#define ROW(op) {.struct_size = sizeof(bp_kernel), .id = "crashes." op, .pattern = op, .plan = plan}
static const bp_kernel rows[] = {ROW("relu"), ROW("neg"), ROW("abs"), ROW("sigmoid"), ROW("tanh")};
static const bp_kernel* list[] = {&rows[0], &rows[1], &rows[2], &rows[3], &rows[4]};

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
