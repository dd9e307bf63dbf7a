/* The CPU plugin with faults on demand, as the device "faulty:0". Its launches and copies are done when they return,
 * but it says that they only enqueue, and has events: waits are real to the host. Options, read as the device is
 * opened:
 * - fail: which fault, see below; none: the CPU plugin with events
 * - at: the how manieth call of its kind it is, from 1
 * - kernel: launches of rows whose id contains this text count, others do not
 * After a fault of scope DEVICE every call but those that plugin.h still allows ends the process, and so does one that
 * uses a queue after a fault of it; memory that is left at close is told to the log as an error. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wrapped_cpu.h"

BP_MANIFEST("BKPLAN0", BP_ABI_MAJOR, BP_ABI_MAJOR, BP_ABI_MINOR, BP_ABI_MINOR, BP_KIND_DEVICE, BP_ISA_ANY,
            BP_BUILD_SANITIZER, 0, "faulty", "tests", "1.0", "faulty", "", "", "", {0});

/* alloc: out of memory. launch: refused. lost: the device goes in a launch. later: a launch breaks the queue, which the
 * next call says. gone: the same, and nobody knows which launch. sync: never done. event: never reached. copy: one bit
 * is another. kernel: one number of the result is another. nan: it is NaN. past: bytes behind the result are written.
 * operand: the first operand is changed. */
enum { MAX_KERNEL = 1024, MAX_MEM = 4096, MAX_MADE = 16384 };

struct bp_event {
  int never;
};
typedef struct {
  const void* made; /* a bp_plan or a bp_bound of the CPU plugin */
  int matches, is_f32;
  uint32_t out_slot;
  uint64_t out_bytes, in_bytes;
  unsigned char *out, *in;
} note;

static bp_device_api device_api;
static bp_kernel rows[MAX_KERNEL];
static const bp_kernel* row_list[MAX_KERNEL];
static char fail[16], kernel[64];
static long at, n_calls;
static struct {
  bp_mem* mem;
  unsigned char* host;
} mems[MAX_MEM];
static uint32_t n_mem;
static note notes[MAX_MADE];
static uint32_t n_note;
static _Atomic int is_lost;
static int is_broken; /* the queue; said on the next call */
static bp_queue* broken_queue;
static uint64_t culprit;

static bp_status say(bp_err* err, bp_status code, uint32_t scope, uint64_t tag, const char* text) {
  err->code = code;
  err->scope = scope;
  err->launch_tag = tag;
  snprintf(err->msg, sizeof err->msg, "%s", text);
  if (scope >= BP_SCOPE_DEVICE) is_lost = 1;
  return code;
}
/* Is this the call that fails? */
static int now(const char* what) { return strcmp(fail, what) == 0 && ++n_calls == at; }
static void must_not_be_called(bp_queue* q) {
  if (!is_lost && (!q || q != broken_queue)) return;
  fprintf(stderr, "faulty: called after the fault\n");
  abort();
}
/* The fault of an earlier launch, if there was one. */
static int reports(bp_queue* q, bp_err* err, bp_status* status) {
  if (!is_broken) return 0;
  is_broken = 0;
  broken_queue = q;
  *status =
      say(err, BP_E_INTERNAL, BP_SCOPE_QUEUE, strcmp(fail, "gone") == 0 ? 0 : culprit, "an earlier launch failed");
  return 1;
}

/* ---- memory ---- */
static bp_status mem_alloc(bp_device* d, const bp_alloc* what, bp_mem** out, void** host, bp_err* err) {
  must_not_be_called(NULL);
  if (now("alloc") || n_mem == MAX_MEM) return say(err, BP_E_NOMEM, BP_SCOPE_CALL, 0, "the fake gives no more");
  const bp_status status = cpu_api->mem_alloc(d, what, out, host, err);
  if (status != BP_OK) return status;
  mems[n_mem].mem = *out;
  mems[n_mem++].host = *host;
  return BP_OK;
}
static bp_status mem_import(bp_device* d, uint32_t heap, void* host, uint64_t bytes, uint32_t flags, bp_mem** out,
                            bp_err* err) {
  must_not_be_called(NULL);
  if (n_mem == MAX_MEM) return say(err, BP_E_NOMEM, BP_SCOPE_CALL, 0, "the fake gives no more");
  const bp_status status = cpu_api->mem_import(d, heap, host, bytes, flags, out, err);
  if (status != BP_OK) return status;
  mems[n_mem].mem = *out;
  mems[n_mem++].host = host;
  return BP_OK;
}
static void mem_free(bp_device* d, bp_mem* mem) {
  for (uint32_t i = 0; i < n_mem; ++i) {
    if (mems[i].mem == mem) mems[i--] = mems[--n_mem];
  }
  cpu_api->mem_free(d, mem);
}
static unsigned char* address(const bp_span* span) {
  if (!span->mem) return span->host ? (unsigned char*)span->host + span->off : NULL;
  for (uint32_t i = 0; i < n_mem; ++i) {
    if (mems[i].mem == span->mem) return mems[i].host + span->off;
  }
  return NULL;
}

/* ---- queues ---- */
static void wait_ns(uint64_t timeout_ns) {
  const uint64_t most = 20000000000u;
  const uint64_t ns = timeout_ns < most ? timeout_ns : most;
  const struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
  nanosleep(&time, NULL);
}
static bp_status queue_sync(bp_queue* q, uint64_t timeout_ns, bp_err* err) {
  must_not_be_called(q);
  bp_status status;
  if (reports(q, err, &status)) return status;
  if (timeout_ns && now("sync")) {
    wait_ns(timeout_ns);
    return say(err, BP_E_TIMEOUT, BP_SCOPE_DEVICE, 0, "the fake is not done");
  }
  return cpu_api->queue_sync(q, timeout_ns, err);
}
static void queue_destroy(bp_queue* q) {
  if (q == broken_queue) broken_queue = NULL;
  cpu_api->queue_destroy(q);
}
static bp_status copy(bp_queue* q, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) {
  must_not_be_called(q);
  bp_status status;
  if (reports(q, err, &status)) return status;
  status = cpu_api->copy(q, dst, src, n, err);
  if (status != BP_OK || n == 0 || dst->bytes == 0 || !now("copy")) return status;
  address(dst)[0] ^= 1;
  return BP_OK;
}
static bp_status event_create(bp_device* d, uint32_t flags, bp_event** out, bp_err* err) {
  (void)d, (void)flags, (void)err;
  *out = calloc(1, sizeof **out);
  return BP_OK;
}
static void event_destroy(bp_event* event) { free(event); }
static bp_status event_record(bp_event* event, bp_queue* q, bp_err* err) {
  must_not_be_called(q);
  bp_status status;
  if (reports(q, err, &status)) return status;
  event->never = now("event");
  return BP_OK;
}
static bp_status event_sync(bp_event* event, uint64_t timeout_ns, bp_err* err) {
  if (is_lost) return say(err, BP_E_DEVICE_LOST, BP_SCOPE_DEVICE, 0, "lost"); /* by the queue's thread, just now */
  if (!event->never) return BP_OK;
  if (timeout_ns == 0) return say(err, BP_E_BUSY, BP_SCOPE_CALL, 0, "not yet");
  wait_ns(timeout_ns);
  return say(err, BP_E_TIMEOUT, BP_SCOPE_DEVICE, 0, "the event was not reached");
}
static bp_status event_wait(bp_queue* q, bp_event* event, bp_err* err) {
  must_not_be_called(q);
  return event->never ? event_sync(event, 1, err) : BP_OK;
}

/* ---- kernels ---- */
static note* note_of(const void* made) {
  for (uint32_t i = n_note; i-- > 0;) {
    if (notes[i].made == made) return &notes[i];
  }
  return NULL;
}
static void forget(const void* made) {
  note* n = note_of(made);
  if (n) *n = notes[--n_note];
}
static const bp_value* value_at(const bp_region* r, uint32_t i) {
  return (const bp_value*)(const void*)((const char*)r->value + (uint64_t)i * r->value_stride);
}
static const bp_node* last_node(const bp_region* r) {
  return (const bp_node*)(const void*)((const char*)r->node + (uint64_t)(r->n_node - 1) * r->node_stride);
}
/* Where the first result of the last op is bound. */
static uint32_t out_slot(const bp_region* r) {
  for (uint32_t slot = 0; slot < r->n_arg; ++slot) {
    if (r->arg[slot] == last_node(r)->out[0]) return slot;
  }
  return BP_ABSENT;
}
static bp_status plan(const bp_kernel* self, bp_device* d, const bp_region* region, const int64_t* config,
                      bp_plan** out, bp_plan_info* info, bp_err* err) {
  must_not_be_called(NULL);
  const bp_kernel* cpu_row = self->user;
  const bp_status status = cpu_row->plan(cpu_row, d, region, config, out, info, err);
  if (status != BP_OK || n_note == MAX_MADE) return status;
  const uint32_t slot = out_slot(region);
  const int is_f32 = slot != BP_ABSENT && value_at(region, region->arg[slot])->dtype == BP_DT_F32;
  notes[n_note++] =
      (note){.made = *out, .matches = strstr(self->id, kernel) != NULL, .is_f32 = is_f32, .out_slot = slot};
  return BP_OK;
}
static bp_status query(const bp_kernel* self, bp_device* d, const bp_region* region, const int64_t* config,
                       bp_plan_info* info, bp_err* err) {
  const bp_kernel* cpu_row = self->user;
  return cpu_row->query(cpu_row, d, region, config, info, err);
}
static bp_status plan_bind(bp_plan* made, const bp_span* args, uint32_t n, const bp_span* ws, uint32_t n_ws,
                           bp_bound** out, bp_err* err) {
  must_not_be_called(NULL);
  const bp_status status = cpu_api->plan_bind(made, args, n, ws, n_ws, out, err);
  const note* of_plan = note_of(made);
  if (status != BP_OK || !of_plan || n_note == MAX_MADE) return status;
  note bound = *of_plan;
  bound.made = *out;
  if (bound.out_slot < n) {
    bound.out = address(&args[bound.out_slot]);
    bound.out_bytes = args[bound.out_slot].bytes;
    bound.in = address(&args[0]);
    bound.in_bytes = args[0].bytes;
  }
  notes[n_note++] = bound;
  return BP_OK;
}
static void bound_destroy(bp_bound* bound) {
  forget(bound);
  cpu_api->bound_destroy(bound);
}
static void plan_destroy(bp_plan* made) {
  forget(made);
  cpu_api->plan_destroy(made);
}
static void corrupt(const note* bound) {
  float x;
  if (!bound->out || bound->out_bytes < sizeof x) return;
  if (strcmp(fail, "past") == 0) memset(bound->out + bound->out_bytes, 0, 4);
  if (strcmp(fail, "operand") == 0 && bound->in && bound->in_bytes) bound->in[0] ^= 1;
  if (!bound->is_f32) return;
  memcpy(&x, bound->out, sizeof x);
  if (strcmp(fail, "kernel") == 0) x = x * 2 + 1;
  if (strcmp(fail, "nan") == 0) memset(&x, 0xff, sizeof x);
  memcpy(bound->out, &x, sizeof x);
}
static bp_status launch(bp_bound* bound, const bp_launch* args, bp_err* err) {
  must_not_be_called(args->queue);
  bp_status status;
  if (reports(args->queue, err, &status)) return status;
  const note* known = note_of(bound);
  const int is_it = known && known->matches && strcmp(fail, "alloc") != 0 && strcmp(fail, "sync") != 0 &&
                    strcmp(fail, "event") != 0 && strcmp(fail, "copy") != 0 && now(fail);
  if (is_it && strcmp(fail, "launch") == 0)
    return say(err, BP_E_INTERNAL, BP_SCOPE_CALL, 0, "the fake refuses this launch");
  if (is_it && strcmp(fail, "lost") == 0)
    return say(err, BP_E_DEVICE_LOST, BP_SCOPE_DEVICE, args->tag, "the fake fell off the bus");
  status = cpu_api->launch(bound, args, err);
  if (!is_it || status != BP_OK) return status;
  is_broken = strcmp(fail, "later") == 0 || strcmp(fail, "gone") == 0;
  culprit = args->tag;
  if (!is_broken) corrupt(known);
  return BP_OK;
}
static bp_status kernels(bp_device* d, const bp_kernel* const** out, uint32_t* n, bp_err* err) {
  const bp_kernel* const* list = NULL;
  const bp_status status = cpu_api->kernels(d, &list, n, err);
  if (status != BP_OK) return status;
  if (*n > MAX_KERNEL) *n = MAX_KERNEL;
  for (uint32_t i = 0; i < *n; ++i) {
    rows[i] = *list[i];
    rows[i].user = list[i];
    if (list[i]->query) rows[i].query = query;
    rows[i].plan = plan;
    row_list[i] = &rows[i];
  }
  *out = row_list;
  return BP_OK;
}

/* ---- plugin ---- */
static bp_status enumerate(bp_device_info* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  const bp_status status = cpu_plugin.enumerate(out, stride, cap, n, err);
  if (status == BP_OK && cap > 0) strcpy(out->id, "faulty:0");
  return status;
}
static bp_status open_device(const char* id, bp_device** out, const bp_device_api** api, bp_err* err) {
  char text[24] = "1";
  if (strcmp(id, "faulty:0") != 0) return say(err, BP_E_INVALID, BP_SCOPE_CALL, 0, "there is one device, faulty:0");
  const bp_status status = cpu_plugin.open("cpu:0", out, &cpu_api, err);
  if (status != BP_OK) return status;
  fail[0] = kernel[0] = 0;
  host_api->cfg_get(host_api->ctx, "fail", fail, sizeof fail);
  host_api->cfg_get(host_api->ctx, "kernel", kernel, sizeof kernel);
  host_api->cfg_get(host_api->ctx, "at", text, sizeof text);
  at = strcmp(fail, "none") == 0 ? 0 : strtol(text, NULL, 10);
  n_calls = 0;
  is_lost = 0;
  is_broken = 0;
  broken_queue = NULL;
  n_note = 0;
  device_api = *cpu_api;
  device_api.flags = BP_DEV_COPY_ASYNC;
  device_api.mem_alloc = mem_alloc;
  device_api.mem_import = mem_import;
  device_api.mem_free = mem_free;
  device_api.queue_sync = queue_sync;
  device_api.queue_destroy = queue_destroy;
  device_api.copy = copy;
  device_api.kernels = kernels;
  device_api.plan_bind = plan_bind;
  device_api.launch = launch;
  device_api.bound_destroy = bound_destroy;
  device_api.plan_destroy = plan_destroy;
  device_api.event_create = event_create;
  device_api.event_destroy = event_destroy;
  device_api.event_record = event_record;
  device_api.event_wait = event_wait;
  device_api.event_sync = event_sync;
  *api = &device_api;
  return BP_OK;
}
static void close_device(bp_device* d) {
  if (n_mem != 0 || n_note != 0)
    host_api->log(host_api->ctx, BP_LOG_ERROR, "closed with memory, plans or bounds alive");
  n_mem = 0;
  cpu_plugin.close(d);
}
BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  const bp_option own[] = {{"fail", "string", "none", "", "", "Which fault."},
                           {"at", "int", "1", "1", "1000000000", "The how manieth call of its kind fails."},
                           {"kernel", "string", "", "", "", "Which kernels' launches count: text of their ids."}};
  return wrap_cpu_plugin(
      host, own, 3,
      (bp_plugin_api){.enumerate = enumerate, .open = open_device, .close = close_device, .shutdown = shutdown_wrapped},
      out, err);
}
