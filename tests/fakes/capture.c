/* A device with native graphs, events and queues that run beside the host, made of the CPU plugin: its kernels and its
 * memory, launched by a thread for each queue. Kernels of attention are not capture-safe. In a graph, others read true
 * sizes where the region has them (len_value); those that compute each row on its own compute all rows of the bucket.
 *
 * Options: fail = none | begin | end | launch: that function of graph/1 fails. culprit = id of a kernel: in a graph or
 * on a BLAME queue it breaks the queue. own_memory: what is no pinned heap the host does not reach. fail_copy = n, or
 * -n: the n-th copy on the device is refused, or breaks the queue. packs_from = both | device: where weights are packed
 * from. All are read as the device is opened. */
#include "capture_counts.h"
#include "capture_queue.h"

BP_MANIFEST("BKPLAN0", 0, 0, BP_ABI_MINOR, BP_ABI_MINOR, BP_KIND_DEVICE, BP_ISA_ANY, BP_BUILD_SANITIZER, 0, "capture",
            "tests", "1.0", "capture", "", "", "", {0});

enum { MAX_KERNEL = 1024 };

static bp_kernel rows[MAX_KERNEL];
static const bp_kernel* row_list[MAX_KERNEL];
static _Atomic uint64_t n_begins, n_ends, n_abandons, n_graph_launches, n_graphs_alive, n_recorded, n_launches;

/* ---- kernels ---- */
static const bp_sym* symbol(const bp_region* r, uint32_t i) {
  return (const bp_sym*)(const void*)((const char*)r->sym + (uint64_t)i * r->sym_stride);
}
/* The region as the CPU plugin knows it: without lengths on the device. */
static bp_region cpu_region(const bp_region* region, bp_sym* symbols, uint32_t* n_len) {
  bp_region out = *region;
  *n_len = 0;
  for (uint32_t i = 0; i < region->n_sym; ++i) {
    symbols[i] = *symbol(region, i);
    *n_len += symbols[i].len_value >= 0;
    symbols[i].len_value = -1;
  }
  out.sym = symbols;
  out.sym_stride = sizeof *symbols;
  out.n_arg -= *n_len;
  return out;
}
static const bp_kernel* cpu_row(const bp_kernel* self) { return self->user; }

static bp_status query(const bp_kernel* self, bp_device* d, const bp_region* region, const int64_t* config,
                       bp_plan_info* info, bp_err* err) {
  bp_sym symbols[MAX_SYM];
  uint32_t n_len;
  if (region->n_sym > MAX_SYM) return say(err, BP_E_UNSUPPORTED, BP_SCOPE_CALL, 0, "too many symbols");
  const bp_region inner = cpu_region(region, symbols, &n_len);
  if (!cpu_row(self)->query) return BP_OK;
  return cpu_row(self)->query(cpu_row(self), d->cpu, &inner, config, info, err);
}
/* Rows of these read or write by index, or belong together: they want the true sizes. */
static int reads_sizes(const char* pattern) {
  static const char* const words[] = {"attention", "kv_",     "expert", "topk",  "indexed",
                                      "grouped",   "scatter", "sample", "gather"};
  for (size_t i = 0; i < sizeof words / sizeof *words; ++i) {
    if (strstr(pattern, words[i])) return 1;
  }
  return 0;
}
static bp_status plan(const bp_kernel* self, bp_device* d, const bp_region* region, const int64_t* config,
                      bp_plan** out, bp_plan_info* info, bp_err* err) {
  bp_sym symbols[MAX_SYM];
  if (region->n_sym > MAX_SYM) return say(err, BP_E_UNSUPPORTED, BP_SCOPE_CALL, 0, "too many symbols");
  bp_plan* p = calloc(1, sizeof *p);
  const bp_region inner = cpu_region(region, symbols, &p->n_len);
  p->device = d;
  p->n_sym = region->n_sym;
  p->pads = !reads_sizes(self->pattern);
  p->is_culprit = strcmp(self->id, d->culprit) == 0;
  int32_t n_len = 0;
  for (uint32_t i = 0; i < region->n_sym; ++i) {
    p->len[i] = symbol(region, i)->len_value >= 0 ? n_len++ : -1;
    p->base[i] = symbols[i].base;
    p->mul[i] = symbols[i].mul;
    p->add[i] = symbols[i].add;
  }
  const bp_status status = cpu_row(self)->plan(cpu_row(self), d->cpu, &inner, config, &p->cpu, info, err);
  if (status == BP_OK) {
    *out = p;
  } else {
    free(p);
  }
  return status;
}
static bp_status plan_bind(bp_plan* p, const bp_span* args, uint32_t n, const bp_span* ws, uint32_t n_ws,
                           bp_bound** out, bp_err* err) {
  bp_bound* b = calloc(1, sizeof *b);
  b->plan = p;
  for (uint32_t i = 0; i < p->n_len; ++i) {
    const bp_span* at = &args[n - p->n_len + i];
    b->len[i] = (const int32_t*)(const void*)(at->mem->host + at->off);
  }
  bp_span* inner_args = cpu_spans(args, n - p->n_len);
  bp_span* inner_ws = cpu_spans(ws, n_ws);
  const bp_status status = cpu_api->plan_bind(p->cpu, inner_args, n - p->n_len, inner_ws, n_ws, &b->cpu, err);
  free(inner_args);
  free(inner_ws);
  if (status == BP_OK) {
    *out = b;
  } else {
    free(b);
  }
  return status;
}
static bp_status launch(bp_bound* b, const bp_launch* args, bp_err* err) {
  bp_queue* q = args->queue;
  command c = {.bound = b, .n_sym = args->n_dyn, .tag = args->tag};
  memcpy(c.dyn, args->dyn, args->n_dyn * sizeof *c.dyn);
  if (!q->recording) ++n_launches;
  const bp_status status = enqueue(q, c, err);
  if (status != BP_OK || !q->blame) return status;
  if (queue_sync(q, UINT64_MAX, err) == BP_OK) return BP_OK;
  return say(err, BP_E_INTERNAL, BP_SCOPE_QUEUE, args->tag, "this launch broke the queue");
}
static void bound_destroy(bp_bound* b) {
  if (!b) return;
  cpu_api->bound_destroy(b->cpu);
  free(b);
}
static void plan_destroy(bp_plan* p) {
  if (!p) return;
  cpu_api->plan_destroy(p->cpu);
  free(p);
}
static bp_status layout_info(bp_device* d, uint32_t layout, const bp_value* values, uint32_t stride, uint32_t n,
                             bp_layout_info* out, bp_err* err) {
  const bp_status status = cpu_api->layout_info(d->cpu, layout, values, stride, n, out, err);
  if (d->packs_from_device) out->flags &= ~(uint32_t)BP_LAYOUT_SRC_HOST;
  return status;
}
static bp_status pack(bp_device* d, const bp_pack* job, bp_queue* q, bp_err* err) {
  bp_status status = queue_sync(q, UINT64_MAX, err);
  if (status != BP_OK) return status;
  for (uint32_t i = 0; d->packs_from_device && i < job->n_src; ++i) {
    if (job->src[i].host) return say(err, BP_E_INVALID, BP_SCOPE_CALL, 0, "packs from the device alone");
  }
  bp_span* src = cpu_spans(job->src, job->n_src);
  bp_pack inner = *job;
  inner.src = src;
  inner.dst = cpu_span(&job->dst);
  inner.ws = cpu_span(&job->ws);
  status = cpu_api->pack(d->cpu, &inner, q->cpu, err);
  free(src);
  return status;
}
static bp_status kernels(bp_device* d, const bp_kernel* const** out, uint32_t* n, bp_err* err) {
  const bp_kernel* const* list = NULL;
  const bp_status status = cpu_api->kernels(d->cpu, &list, n, err);
  if (status != BP_OK) return status;
  if (*n > MAX_KERNEL) *n = MAX_KERNEL;
  for (uint32_t i = 0; i < *n; ++i) {
    rows[i] = *list[i];
    rows[i].user = list[i];
    if (list[i]->query) rows[i].query = query;
    rows[i].plan = plan;
    if (!strstr(list[i]->pattern, "attention")) rows[i].flags |= BP_K_CAPTURE_SAFE;
    row_list[i] = &rows[i];
  }
  *out = row_list;
  return BP_OK;
}

/* ---- graph/1 ---- */
static int fails(const bp_queue* q, const char* what) { return strcmp(q->device->fail, what) == 0; }
static void graph_free(bp_graph* graph) {
  for (uint64_t i = 0; i < graph->list.n; ++i) free_command(&graph->list.at[i]);
  free(graph->list.at);
  free(graph);
}
static bp_status graph_begin(bp_queue* q, bp_err* err) {
  ++n_begins;
  if (fails(q, "begin")) return say(err, BP_E_UNSUPPORTED, BP_SCOPE_CALL, 0, "no capture today");
  q->recording = calloc(1, sizeof *q->recording);
  return BP_OK;
}
static void graph_abandon(bp_queue* q) {
  ++n_abandons;
  if (q->recording) graph_free(q->recording);
  q->recording = NULL;
}
static bp_status graph_end(bp_queue* q, bp_graph** out, uint64_t* bytes, bp_err* err) {
  ++n_ends;
  if (fails(q, "end")) {
    graph_free(q->recording);
    q->recording = NULL;
    return say(err, BP_E_NOMEM, BP_SCOPE_CALL, 0, "no memory for a graph");
  }
  *out = q->recording;
  *bytes = q->recording->list.n * 100;
  n_recorded += q->recording->list.n;
  ++n_graphs_alive;
  q->recording = NULL;
  return BP_OK;
}
static bp_status graph_launch(bp_graph* graph, const bp_launch* args, bp_err* err) {
  ++n_graph_launches;
  if (fails(args->queue, "launch")) return say(err, BP_E_INVALID, BP_SCOPE_CALL, 0, "no launch today");
  if (args->n_dyn != 0) return say(err, BP_E_INVALID, BP_SCOPE_CALL, 0, "a graph has no extents");
  const command c = {.graph = graph, .tag = args->tag};
  return enqueue(args->queue, c, err);
}
static void graph_destroy(bp_graph* graph) {
  --n_graphs_alive;
  graph_free(graph);
}
static const bp_ext_graph graph_api = {sizeof graph_api, 0, graph_begin, graph_end, graph_abandon, graph_launch,
                                       graph_destroy};

static const void* ext(bp_device* d, const char* name) {
  static capture_counts counts;
  if (strcmp(name, "graph/1") == 0) return &graph_api;
  if (strcmp(name, "x.capture_counts/0") != 0) return NULL; /* others would want the CPU's device */
  counts = (capture_counts){n_begins,   n_ends,     n_abandons, n_graph_launches, n_graphs_alive,
                            n_recorded, n_launches, d->n_mems,  d->pinned_bytes,  d->most_pinned_bytes};
  return &counts;
}

static const bp_device_api device_api = {.struct_size = sizeof device_api,
                                         .flags = BP_DEV_COPY_ASYNC,
                                         .heaps = heaps,
                                         .mem_alloc = mem_alloc,
                                         .mem_free = mem_free,
                                         .queue_create = queue_create,
                                         .queue_destroy = queue_destroy,
                                         .queue_sync = queue_sync,
                                         .copy = copy,
                                         .mem_import = mem_import,
                                         .kernels = kernels,
                                         .layout_info = layout_info,
                                         .pack = pack,
                                         .plan_bind = plan_bind,
                                         .launch = launch,
                                         .bound_destroy = bound_destroy,
                                         .plan_destroy = plan_destroy,
                                         .event_create = event_create,
                                         .event_destroy = event_destroy,
                                         .event_record = event_record,
                                         .event_wait = event_wait,
                                         .event_sync = event_sync,
                                         .ext = ext};

/* ---- plugin ---- */
static bp_status enumerate(bp_device_info* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  const bp_status status = cpu_plugin.enumerate(out, stride, cap, n, err);
  if (status == BP_OK && cap > 0) strcpy(out->id, "capture:0");
  return status;
}
static bp_status open_device(const char* id, bp_device** out, const bp_device_api** api, bp_err* err) {
  if (strcmp(id, "capture:0") != 0) return say(err, BP_E_INVALID, BP_SCOPE_CALL, 0, "there is one device, capture:0");
  bp_device* d = calloc(1, sizeof *d);
  const bp_status status = cpu_plugin.open("cpu:0", &d->cpu, &cpu_api, err);
  if (status != BP_OK) {
    free(d);
    return status;
  }
  host_api->cfg_get(host_api->ctx, "fail", d->fail, sizeof d->fail);
  host_api->cfg_get(host_api->ctx, "culprit", d->culprit, sizeof d->culprit);
  char text[16] = "", packs_from[16] = "";
  host_api->cfg_get(host_api->ctx, "own_memory", text, sizeof text);
  d->owns_memory = strcmp(text, "true") == 0;
  host_api->cfg_get(host_api->ctx, "fail_copy", text, sizeof text);
  host_api->cfg_get(host_api->ctx, "packs_from", packs_from, sizeof packs_from);
  d->packs_from_device = strcmp(packs_from, "device") == 0;
  d->fail_copy = abs(atoi(text));
  d->is_refused = atoi(text) > 0;
  n_begins = n_ends = n_abandons = n_graph_launches = n_graphs_alive = n_recorded = n_launches = 0;
  *out = d;
  *api = &device_api;
  return BP_OK;
}
static void close_device(bp_device* d) {
  cpu_plugin.close(d->cpu);
  free(d);
}
BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  const bp_option own[] = {{"fail", "string", "none", "", "", "Which function of graph/1 fails."},
                           {"culprit", "string", "", "", "", "The kernel that breaks a queue."},
                           {"own_memory", "bool", "false", "", "", "Whether the host does not reach its memory."},
                           {"fail_copy", "int", "0", "", "", "The copy that fails."},
                           {"packs_from", "string", "both", "", "", "Where weights are packed from."}};
  return wrap_cpu_plugin(
      host, own, 5,
      (bp_plugin_api){.enumerate = enumerate, .open = open_device, .close = close_device, .shutdown = shutdown_wrapped},
      out, err);
}
