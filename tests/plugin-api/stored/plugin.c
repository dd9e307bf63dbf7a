/* The source of the stored binaries: a device in static memory with one kernel, y = x + 1. No C library, nothing but
 * the header. build.sh says what STORED_* each of them is built with. STORED_LATER: as if the header were of a later
 * minor, whose structs have members that this one lacks. */
#include <backplane/plugin.h>

#ifndef STORED_LATER
#define STORED_LATER 0
#endif

BP_MANIFEST("BKPLAN0", STORED_MAJOR_MIN, STORED_MAJOR_MAX, STORED_MINOR_MIN, STORED_MINOR_BUILT, BP_KIND_DEVICE,
            BP_ISA_X86_64_V1, 0, 0, STORED_NAME, "tests", "1.0", STORED_NAME, "", "", "", {0});

/* What a later header would have at the end of its structs. */
#if STORED_LATER
#define LATER(T)       \
  struct {             \
    T now;             \
    uint64_t later[4]; \
  }
#define LATER_VALUES , {0xAAAAAAAA, 0xAAAAAAAA, 0xAAAAAAAA, 0xAAAAAAAA}
#else
#define LATER(T) \
  struct {       \
    T now;       \
  }
#define LATER_VALUES
#endif

struct bp_device {
  int unused;
};
struct bp_mem {
  unsigned char* bytes;
};
struct bp_queue {
  int unused;
};
struct bp_plan {
  int unused;
};
struct bp_bound {
  const float* x;
  float* y;
};

enum { SLAB = 4096, MANY = 16 };
static unsigned char pool[MANY][SLAB] __attribute__((aligned(64)));
static bp_mem mems[MANY];
static bp_bound bounds[MANY];
static bp_device the_device;
static bp_queue the_queue;
static bp_plan the_plan;

/* At most the room that the other side has, and how much that was. */
static void fill(void* out, const void* from, uint32_t size) {
  uint32_t* room = out;
  if (*room > size) *room = size;
  for (uint32_t i = sizeof *room; i < *room; ++i) ((volatile unsigned char*)out)[i] = ((const unsigned char*)from)[i];
}
static void text(char* out, const char* from) {
  while ((*out++ = *from++)) {
  }
}
static bp_status say(bp_err* err, bp_status code, const char* what) {
  err->code = code;
  text(err->msg, what);
  return code;
}
static unsigned char* at(const bp_span* span) {
  return (span->mem ? span->mem->bytes : (unsigned char*)span->host) + span->off;
}

static bp_status heaps(bp_device* d, bp_heap* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  (void)d, (void)stride, (void)err;
  LATER(bp_heap)
  heap = {{sizeof heap, BP_HEAP_DEVICE | BP_HEAP_HOST_VISIBLE, 0, 0, MANY * SLAB, 0, SLAB, SLAB} LATER_VALUES};
  *n = 1;
  if (cap > 0) fill(out, &heap, sizeof heap);
  return BP_OK;
}
static bp_status mem_alloc(bp_device* d, const bp_alloc* what, bp_mem** out, void** host, bp_err* err) {
  (void)d;
  for (int i = 0; i < MANY && what->bytes <= SLAB; ++i) {
    if (mems[i].bytes) continue;
    mems[i].bytes = pool[i];
    *out = &mems[i];
    *host = pool[i];
    return BP_OK;
  }
  return say(err, BP_E_NOMEM, "the pool is empty");
}
static void mem_free(bp_device* d, bp_mem* mem) {
  (void)d;
  if (mem) mem->bytes = 0;
}
static bp_status queue_create(bp_device* d, const bp_queue_desc* desc, bp_queue** out, bp_err* err) {
  (void)d, (void)desc, (void)err;
  *out = &the_queue;
  return BP_OK;
}
static void queue_destroy(bp_queue* q) { (void)q; }
static bp_status queue_sync(bp_queue* q, uint64_t timeout_ns, bp_err* err) {
  (void)q, (void)timeout_ns, (void)err;
  return BP_OK;
}
static bp_status copy(bp_queue* q, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) {
  (void)q, (void)err;
  for (uint32_t i = 0; i < n; ++i) {
    for (uint64_t b = 0; b < dst[i].bytes; ++b) ((volatile unsigned char*)at(&dst[i]))[b] = at(&src[i])[b];
  }
  return BP_OK;
}

static bp_status plan(const bp_kernel* self, bp_device* d, const bp_region* region, const int64_t* config,
                      bp_plan** out, bp_plan_info* info, bp_err* err) {
  (void)self, (void)d, (void)region, (void)config, (void)err;
  LATER(bp_ws_need) need = {{sizeof need, BP_WS_SCRATCH, 128, 64} LATER_VALUES};
  info->n_ws = 1;
  info->est_us = 1.5;
  if (info->ws_cap > 0) fill(info->ws, &need, sizeof need);
  *out = &the_plan;
  return BP_OK;
}
static const struct {
  LATER(bp_kernel) row;
} rows = {{{.struct_size = sizeof rows,
            .id = STORED_NAME ".add_one",
            .pattern = "(add ?x ?one)",
            .plan = plan} LATER_VALUES}};
static const bp_kernel* const row_list[] = {&rows.row.now};
static bp_status kernels(bp_device* d, const bp_kernel* const** out, uint32_t* n, bp_err* err) {
  (void)d, (void)err;
  *out = row_list;
  *n = 1;
  return BP_OK;
}
static bp_status plan_bind(bp_plan* made, const bp_span* args, uint32_t n, const bp_span* ws, uint32_t n_ws,
                           bp_bound** out, bp_err* err) {
  (void)made, (void)ws, (void)n_ws;
  for (int i = 0; i < MANY && n == 2; ++i) {
    if (bounds[i].x) continue;
    bounds[i].x = (const float*)(const void*)at(&args[0]);
    bounds[i].y = (float*)(void*)at(&args[1]);
    *out = &bounds[i];
    return BP_OK;
  }
  return say(err, BP_E_INVALID, "two arguments wanted, and not too many bounds");
}
static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  (void)err;
  for (int64_t i = 0; i < args->dyn[0]; ++i) bound->y[i] = bound->x[i] + 1;
  return BP_OK;
}
static void bound_destroy(bp_bound* bound) {
  if (bound) bound->x = 0;
}
static void plan_destroy(bp_plan* made) { (void)made; }

static const struct {
  LATER(bp_device_api) table;
} device_api = {{{.struct_size = sizeof device_api,
                  .flags = BP_DEV_INLINE,
                  .heaps = heaps,
                  .mem_alloc = mem_alloc,
                  .mem_free = mem_free,
                  .queue_create = queue_create,
                  .queue_destroy = queue_destroy,
                  .queue_sync = queue_sync,
                  .copy = copy,
                  .kernels = kernels,
                  .plan_bind = plan_bind,
                  .launch = launch,
                  .bound_destroy = bound_destroy,
                  .plan_destroy = plan_destroy} LATER_VALUES}};

static bp_status enumerate(bp_device_info* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  (void)stride, (void)err;
  static LATER(bp_device_info) info = {{.struct_size = sizeof info,
                                        .cls = BP_CLASS_ACCEL,
                                        .score = 1,
                                        .id = STORED_NAME ":0",
                                        .name = "Stored " STORED_NAME,
                                        .mem_total = MANY * SLAB} LATER_VALUES};
  *n = 1;
  if (cap > 0) fill(out, &info, sizeof info);
  return BP_OK;
}
static bp_status open(const char* id, bp_device** out, const bp_device_api** api, bp_err* err) {
  (void)id, (void)err;
  *out = &the_device;
  *api = &device_api.table.now;
  return BP_OK;
}
static void close(bp_device* d) { (void)d; }

static bp_status entry(bp_plugin_api* out) {
  LATER(bp_plugin_api)
  api = {{.struct_size = sizeof api,
          .abi_minor = STORED_MINOR_BUILT,
          .enumerate = enumerate,
          .open = open,
          .close = close} LATER_VALUES};
  fill(out, &api, sizeof api);
  return BP_OK;
}
#if STORED_MAJOR_MIN == 0
BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)host, (void)err;
  return entry(out);
}
#endif
#if STORED_MAJOR_MAX >= 1
BP_EXPORT bp_status bp_plugin_entry_v1(const bp_host_api* host, bp_plugin_api* out, bp_err* err);
BP_EXPORT bp_status bp_plugin_entry_v1(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)host, (void)err;
  return entry(out);
}
#endif

/* The compiler copies structs with these, C library or not. */
void* memcpy(void* out, const void* from, size_t n);
void* memcpy(void* out, const void* from, size_t n) {
  for (size_t i = 0; i < n; ++i) ((volatile unsigned char*)out)[i] = ((const unsigned char*)from)[i];
  return out;
}
void* memset(void* out, int value, size_t n);
void* memset(void* out, int value, size_t n) {
  for (size_t i = 0; i < n; ++i) ((volatile unsigned char*)out)[i] = (unsigned char)value;
  return out;
}
