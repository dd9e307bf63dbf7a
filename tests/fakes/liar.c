/* Says BP_OK and has not done what plugin.h says, or fails and says so wrongly: which of it, its option "lie" tells,
 * read as the device is opened. */
#define FAKE_NAME "liar"
#include "fake_device.h"

static char lie[32];

static int lies(const char* what) { return strcmp(lie, what) == 0; }

static bp_status heaps(bp_device* d, bp_heap* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  const bp_status status = fake_heaps(d, out, stride, cap, n, err);
  if (lies("heaps.past")) memset((char*)out + (uint64_t)cap * stride, 1, sizeof *out);
  if (lies("heaps.many")) *n = UINT32_MAX;
  if (lies("heaps.none")) *n = 0;
  if (lies("heaps.size")) out->struct_size = 8;
  if (lies("heaps.huge")) out->struct_size = UINT32_MAX;
  if (lies("heaps.bytes")) out->bytes = UINT64_MAX;
  if (lies("heaps.align")) out->import_align = 3;
  if (lies("alloc.hidden")) out->flags &= ~(uint32_t)BP_HEAP_HOST_VISIBLE;
  return status;
}

static bp_status mem_alloc(bp_device* d, const bp_alloc* a, bp_mem** out, void** host, bp_err* err) {
  if (lies("alloc.null")) return BP_OK;
  const bp_status status = fake_mem_alloc(d, a, out, host, err);
  if (lies("alloc.host")) *host = NULL;
  if (lies("alloc.crooked")) *host = (char*)*host + 8;
  if (lies("alloc.wraps")) *host = (void*)(UINTPTR_MAX - 63);
  return status;
}

static bp_status mem_import(bp_device* d, uint32_t heap, void* host, uint64_t bytes, uint32_t flags, bp_mem** out,
                            bp_err* err) {
  if (lies("import.null")) return BP_OK;
  return fake_mem_import(d, heap, host, bytes, flags, out, err);
}

static bp_status queue_create(bp_device* d, const bp_queue_desc* desc, bp_queue** out, bp_err* err) {
  if (lies("queue.null")) return BP_OK;
  return fake_queue_create(d, desc, out, err);
}

static bp_status queue_sync(bp_queue* q, uint64_t timeout_ns, bp_err* err) {
  if (lies("sync.busy")) return BP_E_BUSY;
  return fake_queue_sync(q, timeout_ns, err);
}

static bp_status copy(bp_queue* q, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) {
  const bp_status status = fake_copy(q, dst, src, n, err);
  if (lies("copy.flips") && dst->mem) fake_at(dst)[dst->bytes / 2] ^= 1;
  return status;
}

static bp_status plan(const bp_kernel* self, bp_device* d, const bp_region* region, const int64_t* config,
                      bp_plan** out, bp_plan_info* info, bp_err* err) {
  if (lies("plan.null")) return BP_OK;
  const bp_status status = fake_plan(self, d, region, config, out, info, err);
  if (lies("plan.align")) info->ws->align = 3;
  if (lies("plan.kind")) info->ws->kind = 9;
  if (lies("plan.bytes")) info->ws->bytes = UINT64_MAX;
  if (lies("plan.internal")) info->internal_bytes = UINT64_MAX;
  if (lies("plan.more")) info->n_ws = info->ws_cap + 1;
  if (lies("plan.past")) memset((char*)info->ws + (uint64_t)info->ws_cap * info->ws_stride, 1, sizeof *info->ws);
  if (lies("plan.info")) memset((char*)info + info->struct_size, 1, 16);
  if (lies("plan.endless")) memset(info->numerics, 'x', sizeof info->numerics);
  if (lies("plan.time")) info->est_us = 1.0 / 0.0;
  return status;
}

static bp_status plan_bind(bp_plan* made, const bp_span* args, uint32_t n, const bp_span* ws, uint32_t n_ws,
                           bp_bound** out, bp_err* err) {
  if (lies("bind.null")) return BP_OK;
  return fake_plan_bind(made, args, n, ws, n_ws, out, err);
}

static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  if (lies("launch.status")) return 77;
  if (lies("launch.negative")) return -5;
  if (lies("launch.scope")) return fake_fail(err, BP_E_INTERNAL, 9, 0, "far away");
  if (lies("launch.lost")) return fake_fail(err, BP_E_DEVICE_LOST, BP_SCOPE_CALL, 0, "only this call, it says");
  if (lies("launch.endless")) {
    memset(err, 0xff, sizeof *err);
    err->scope = BP_SCOPE_CALL;
    return BP_E_INTERNAL;
  }
  return fake_launch(bound, args, err);
}

static bp_status layout_info(bp_device* d, uint32_t layout, const bp_value* values, uint32_t stride, uint32_t n,
                             bp_layout_info* out, bp_err* err) {
  (void)d, (void)layout, (void)values, (void)stride, (void)n, (void)err;
  bp_layout_info info = {.struct_size = sizeof info, .flags = BP_LAYOUT_SRC_HOST, .bytes = 64};
  if (lies("layout.none")) info.bytes = 0;
  if (lies("layout.bytes")) info.bytes = UINT64_MAX;
  if (lies("layout.align")) info.align = 48;
  if (lies("layout.workspace")) info.ws_bytes = UINT64_MAX;
  if (lies("layout.rows")) info.row_multiple = -1;
  fake_fill(out, &info, sizeof info);
  if (lies("layout.past")) memset((char*)out + sizeof info, 1, 8);
  return BP_OK;
}

static bp_status pack(bp_device* d, const bp_pack* job, bp_queue* q, bp_err* err) {
  (void)d, (void)job, (void)q;
  return fake_fail(err, BP_E_UNSUPPORTED, BP_SCOPE_CALL, 0, "never");
}

static bp_status event_create(bp_device* d, uint32_t flags, bp_event** out, bp_err* err) {
  (void)d, (void)flags, (void)err;
  static int event;
  if (!lies("event.null")) *out = (bp_event*)(void*)&event;
  return BP_OK;
}
static void event_destroy(bp_event* event) { (void)event; }
static bp_status event_record(bp_event* event, bp_queue* q, bp_err* err) {
  (void)event, (void)q, (void)err;
  return BP_OK;
}
static bp_status event_wait(bp_queue* q, bp_event* event, bp_err* err) {
  (void)event, (void)q, (void)err;
  return BP_OK;
}
static bp_status event_sync(bp_event* event, uint64_t timeout_ns, bp_err* err) {
  (void)event, (void)timeout_ns, (void)err;
  return BP_OK;
}
static bp_status event_elapsed(bp_event* begin, bp_event* end, double* us, bp_err* err) {
  (void)begin, (void)end, (void)err;
  *us = lies("event.time") ? -1 : 1;
  return BP_OK;
}

/* "graph/1" of any size. */
static bp_status begin(bp_queue* q, bp_err* err) {
  (void)q, (void)err;
  return BP_OK;
}
static bp_status end(bp_queue* q, bp_graph** out, uint64_t* bytes, bp_err* err) {
  (void)q, (void)err;
  static int graph;
  *bytes = lies("graph.bytes") ? UINT64_MAX : 8;
  *out = lies("graph.null") ? NULL : (bp_graph*)(void*)&graph;
  return BP_OK;
}
static void abandon(bp_queue* q) { (void)q; }
static bp_status graph_launch(bp_graph* graph, const bp_launch* args, bp_err* err) {
  (void)graph, (void)args, (void)err;
  return BP_OK;
}
static void destroy(bp_graph* graph) { (void)graph; }

static const void* ext(bp_device* d, const char* name) {
  (void)d;
  static bp_ext_graph graph;
  graph = (bp_ext_graph){sizeof graph, 0, begin, end, abandon, graph_launch, destroy};
  if (lies("ext.zero")) graph.struct_size = 0;
  if (lies("ext.smaller")) graph.struct_size = offsetof(bp_ext_graph, destroy);
  if (lies("ext.larger")) graph.struct_size = 4096;
  if (lies("ext.huge")) graph.struct_size = UINT32_MAX;
  if (strcmp(name, "graph/1") != 0) return NULL;
  return lies("ext.odd") ? (const void*)((const char*)&graph + 1) : &graph;
}

static bp_status open_device(const char* id, bp_device** out, const bp_device_api** api, bp_err* err) {
  const bp_status status = fake_open(id, out, api, err);
  if (fake_host->cfg_get(fake_host->ctx, "lie", lie, sizeof lie) != BP_OK) lie[0] = 0;
  if (lies("open.null")) *out = NULL;
  if (lies("open.fails")) return fake_fail(err, BP_E_BUSY, BP_SCOPE_CALL, 0, "there is a device, but it is taken");
  if (lies("open.size")) fake_api.struct_size = 16;
  if (lies("open.api")) *api = NULL;
  return status;
}

static void close_device(bp_device* d) {
  if (lies("open.fails")) abort(); /* what was never opened */
  fake_close(d);
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  fake_kernel.plan = plan;
  fake_api = (bp_device_api){.struct_size = sizeof fake_api,
                             .flags = BP_DEV_COPY_ASYNC,
                             .heaps = heaps,
                             .mem_alloc = mem_alloc,
                             .mem_free = fake_mem_free,
                             .queue_create = queue_create,
                             .queue_destroy = fake_queue_destroy,
                             .queue_sync = queue_sync,
                             .copy = copy,
                             .mem_import = mem_import,
                             .kernels = fake_kernels,
                             .layout_info = layout_info,
                             .pack = pack,
                             .plan_bind = plan_bind,
                             .launch = launch,
                             .bound_destroy = fake_bound_destroy,
                             .plan_destroy = fake_plan_destroy,
                             .event_create = event_create,
                             .event_destroy = event_destroy,
                             .event_record = event_record,
                             .event_wait = event_wait,
                             .event_sync = event_sync,
                             .event_elapsed = event_elapsed,
                             .ext = ext};
  const bp_status status = fake_entry(host, out);
  out->open = open_device;
  out->close = close_device;
  return status;
}
