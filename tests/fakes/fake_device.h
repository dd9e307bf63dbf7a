/* A device in host memory with one kernel, "y = x + 1" over f32: what every fake plugin starts from. A fake says what
 * it does otherwise before it includes this file, or changes a table's member in its entry.
 *
 * FAKE_NAME is the plugin's name, FAKE_NAME ":0" its device.
 * FAKE_KIND and FAKE_ATTACHES_TO: by default it brings a device of its own.
 * FAKE_N_WS is the number of workspaces that a plan wants.
 * FAKE_SCORE and FAKE_WHY: by default the device is usable. */
#ifndef BP_TESTS_FAKE_DEVICE_H
#define BP_TESTS_FAKE_DEVICE_H
#include <backplane/plugin.h>
#include <stdlib.h>
#include <string.h>

#ifndef FAKE_KIND
#define FAKE_KIND BP_KIND_DEVICE
#endif
#ifndef FAKE_ATTACHES_TO
#define FAKE_ATTACHES_TO ""
#endif
#ifndef FAKE_SCORE
#define FAKE_SCORE 10
#endif
#ifndef FAKE_WHY
#define FAKE_WHY ""
#endif
#ifndef FAKE_N_WS
#define FAKE_N_WS 1
#endif
#ifndef FAKE_NEEDS
#define FAKE_NEEDS ""
#endif
#ifndef FAKE_HINT
#define FAKE_HINT ""
#endif

BP_MANIFEST("BKPLAN0", 0, 0, BP_ABI_MINOR, BP_ABI_MINOR, FAKE_KIND, BP_BUILD_ISA, BP_BUILD_SANITIZER, 0, FAKE_NAME,
            "tests", "1.2.3", "fake", FAKE_NEEDS, FAKE_HINT, FAKE_ATTACHES_TO, {0});

struct bp_device {
  const bp_host_api* host;
  uint32_t n_open; /* plans and bounds not yet destroyed: close() reports a leak through the log */
};
struct bp_mem {
  unsigned char* bytes;
  int owned;
};
struct bp_queue {
  bp_device* device;
};
struct bp_plan {
  bp_device* device;
};
struct bp_bound {
  bp_device* device;
  const float* x;
  float* y;
};

static const bp_host_api* fake_host;
static bp_device fake_device;

static bp_status fake_fail(bp_err* err, bp_status code, uint32_t scope, uint64_t tag, const char* text) {
  err->code = code;
  err->native = 77;
  err->scope = scope;
  err->launch_tag = tag;
  strncpy(err->msg, text, sizeof err->msg - 1);
  err->msg[sizeof err->msg - 1] = 0;
  return code;
}

/* Fills in a growing struct of the host's: at most what it has room for, and how much that was. */
static void fake_fill(void* out, const void* from, uint32_t size) {
  uint32_t room;
  memcpy(&room, out, sizeof room);
  if (room > size) room = size;
  memcpy(out, from, room);
  memcpy(out, &room, sizeof room);
}

static unsigned char* fake_at(const bp_span* span) {
  return span->mem ? span->mem->bytes + span->off : (unsigned char*)span->host + span->off;
}

static bp_status fake_heaps(bp_device* d, bp_heap* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  (void)d, (void)stride, (void)err;
  *n = 1;
  if (cap == 0) return BP_OK;
  bp_heap heap = {.struct_size = sizeof heap};
  heap.flags = BP_HEAP_DEVICE | BP_HEAP_HOST_VISIBLE | BP_HEAP_IMPORT | BP_HEAP_IMPORT_READ_ONLY | BP_HEAP_IMPORT_FAST;
  heap.import_align = 4;
  heap.bytes = heap.max_block = heap.free_now = 1 << 20;
  fake_fill(out, &heap, sizeof heap);
  return BP_OK;
}

static bp_status fake_mem_alloc(bp_device* d, const bp_alloc* a, bp_mem** out, void** host, bp_err* err) {
  (void)d;
  if (a->bytes > 1 << 20) return fake_fail(err, BP_E_NOMEM, BP_SCOPE_CALL, 0, "1 MiB is all there is");
  bp_mem* mem = malloc(sizeof *mem);
  mem->bytes = aligned_alloc(BP_ARG_ALIGN, (a->bytes + BP_ARG_ALIGN - 1) / BP_ARG_ALIGN * BP_ARG_ALIGN);
  memset(mem->bytes, 0, a->bytes);
  mem->owned = 1;
  *out = mem;
  *host = mem->bytes;
  return BP_OK;
}

static bp_status fake_mem_import(bp_device* d, uint32_t heap, void* host, uint64_t bytes, uint32_t flags, bp_mem** out,
                                 bp_err* err) {
  (void)d, (void)heap, (void)bytes, (void)flags, (void)err;
  bp_mem* mem = malloc(sizeof *mem);
  mem->bytes = host;
  mem->owned = 0;
  *out = mem;
  return BP_OK;
}

static void fake_mem_free(bp_device* d, bp_mem* mem) {
  (void)d;
  if (!mem) return;
  if (mem->owned) free(mem->bytes);
  free(mem);
}

static bp_status fake_queue_create(bp_device* d, const bp_queue_desc* desc, bp_queue** out, bp_err* err) {
  (void)desc, (void)err;
  bp_queue* queue = malloc(sizeof *queue);
  queue->device = d;
  *out = queue;
  return BP_OK;
}

static void fake_queue_destroy(bp_queue* q) { free(q); }

static bp_status fake_queue_sync(bp_queue* q, uint64_t timeout_ns, bp_err* err) {
  (void)q, (void)timeout_ns, (void)err;
  return BP_OK;
}

static bp_status fake_copy(bp_queue* q, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) {
  (void)q, (void)err;
  for (uint32_t i = 0; i < n; ++i) memmove(fake_at(&dst[i]), fake_at(&src[i]), dst[i].bytes);
  return BP_OK;
}

static bp_status fake_plan(const bp_kernel* self, bp_device* d, const bp_region* region, const int64_t* config,
                           bp_plan** out, bp_plan_info* info, bp_err* err) {
  (void)self, (void)region, (void)config, (void)err;
  bp_plan* plan = malloc(sizeof *plan);
  plan->device = d;
  ++d->n_open;
  info->n_ws = FAKE_N_WS;
  for (uint32_t i = 0; i < FAKE_N_WS && i < info->ws_cap; ++i) {
    const bp_ws_need need = {sizeof need, BP_WS_SCRATCH, 256, 64};
    fake_fill((char*)info->ws + (uint64_t)i * info->ws_stride, &need, sizeof need);
  }
  info->est_us = 2.5;
  *out = plan;
  return BP_OK;
}

static bp_status fake_plan_bind(bp_plan* plan, const bp_span* args, uint32_t n, const bp_span* ws, uint32_t n_ws,
                                bp_bound** out, bp_err* err) {
  (void)ws, (void)n_ws;
  if (n != 2) return fake_fail(err, BP_E_INVALID, BP_SCOPE_CALL, 0, "two arguments wanted");
  bp_bound* bound = malloc(sizeof *bound);
  bound->device = plan->device;
  bound->x = (const float*)(const void*)fake_at(&args[0]);
  bound->y = (float*)(void*)fake_at(&args[1]);
  ++plan->device->n_open;
  *out = bound;
  return BP_OK;
}

static bp_status fake_launch(bp_bound* bound, const bp_launch* launch, bp_err* err) {
  (void)err;
  for (int64_t i = 0; i < launch->dyn[0]; ++i) bound->y[i] = bound->x[i] + 1;
  return BP_OK;
}

static void fake_bound_destroy(bp_bound* bound) {
  --bound->device->n_open;
  free(bound);
}

static void fake_plan_destroy(bp_plan* plan) {
  --plan->device->n_open;
  free(plan);
}

static const int64_t fake_tile_values[] = {8, 16};
static const bp_tunable fake_tunables[] = {{"tile", 2, 0, fake_tile_values}};
static bp_kernel fake_kernel = {.struct_size = sizeof(bp_kernel),
                                .n_tunable = 1,
                                .tunable = fake_tunables,
                                .tunable_stride = sizeof(bp_tunable),
                                .id = FAKE_NAME ".add_one",
                                .pattern = "(add ?x ?one)",
                                .numerics = "f32",
                                .plan = fake_plan};
static const bp_kernel* fake_kernel_list[4] = {&fake_kernel};
static uint32_t fake_n_kernel = 1;

static bp_status fake_kernels(bp_device* d, const bp_kernel* const** out, uint32_t* n, bp_err* err) {
  (void)d, (void)err;
  *out = fake_kernel_list;
  *n = fake_n_kernel;
  return BP_OK;
}

/* Members by name: the table may grow. */
static bp_device_api fake_api = {.struct_size = sizeof(bp_device_api),
                                 .flags = BP_DEV_INLINE,
                                 .heaps = fake_heaps,
                                 .mem_alloc = fake_mem_alloc,
                                 .mem_free = fake_mem_free,
                                 .queue_create = fake_queue_create,
                                 .queue_destroy = fake_queue_destroy,
                                 .queue_sync = fake_queue_sync,
                                 .copy = fake_copy,
                                 .mem_import = fake_mem_import,
                                 .kernels = fake_kernels,
                                 .plan_bind = fake_plan_bind,
                                 .launch = fake_launch,
                                 .bound_destroy = fake_bound_destroy,
                                 .plan_destroy = fake_plan_destroy};

static bp_status fake_enumerate(bp_device_info* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  (void)stride, (void)err;
  *n = 1;
  if (cap == 0) return BP_OK;
  bp_device_info info = {.struct_size = sizeof info};
  info.score = FAKE_SCORE;
  strcpy(info.id, FAKE_NAME ":0");
  strcpy(info.name, "Fake " FAKE_NAME);
  strcpy(info.arch, "fake");
  strcpy(info.why, FAKE_WHY);
  info.mem_total = 1 << 20;
  fake_fill(out, &info, sizeof info);
  return BP_OK;
}

static bp_status fake_open(const char* id, bp_device** out, const bp_device_api** api, bp_err* err) {
  if (strcmp(id, FAKE_NAME ":0") != 0) return fake_fail(err, BP_E_INVALID, BP_SCOPE_CALL, 0, "no such device");
  char threads[16];
  if (fake_host->cfg_get(fake_host->ctx, "threads", threads, sizeof threads) != BP_OK) strcpy(threads, "?");
  char text[64] = "opened, threads = ";
  strcat(text, threads);
  fake_host->log(fake_host->ctx, 2, text);
  fake_device.host = fake_host;
  fake_device.n_open = 0;
  *out = &fake_device;
  *api = &fake_api;
  return BP_OK;
}

static void fake_close(bp_device* d) {
  if (d->n_open != 0) fake_host->log(fake_host->ctx, 4, "closed with plans or bounds alive");
}

static const bp_option fake_options[] = {{"threads", "int", "4", "1", "64", "Threads of the fake."}};

static bp_status fake_entry(const bp_host_api* host, bp_plugin_api* out) {
  fake_host = host;
  bp_plugin_api api = {.struct_size = sizeof api};
  api.abi_minor = BP_ABI_MINOR;
  api.option = fake_options;
  api.n_option = 1;
  api.option_stride = sizeof(bp_option);
  api.enumerate = fake_enumerate;
  api.open = fake_open;
  api.close = fake_close;
  fake_fill(out, &api, sizeof api);
  return BP_OK;
}
#endif
