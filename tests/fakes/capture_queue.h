/* The memory and the queues of the fake "capture": a thread for each runs what was enqueued, with the CPU plugin.
 * Launches and copies are commands; while a graph is recorded they go to its list instead. */
#ifndef BP_TESTS_CAPTURE_QUEUE_H
#define BP_TESTS_CAPTURE_QUEUE_H
#include <backplane/plugin.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "wrapped_cpu.h"

enum { MAX_SYM = 16 };

struct bp_device {
  bp_device* cpu;
  char fail[16], culprit[128];
  int packs_from_device;
  int owns_memory;           /* which the host does not reach */
  int fail_copy, is_refused; /* the number of the copy between mems that fails; in the call, or as it runs */
  _Atomic int n_copies;
  _Atomic uint64_t n_mems, pinned_bytes, most_pinned_bytes;
};
struct bp_mem {
  bp_mem* cpu;
  unsigned char* host;
  uint64_t pinned_bytes;
};
struct bp_plan {
  bp_device* device;
  bp_plan* cpu;
  uint32_t n_sym, n_len, pads, is_culprit;
  int32_t len[MAX_SYM], base[MAX_SYM]; /* len: number among the length arguments, -1 = none */
  int64_t mul[MAX_SYM], add[MAX_SYM];
};
struct bp_bound {
  const bp_plan* plan;
  bp_bound* cpu;
  const int32_t* len[MAX_SYM];
};
struct bp_event {
  bp_queue* queue;
  uint64_t at; /* of the queue's commands */
};
typedef struct command {
  bp_bound* bound; /* or a graph, or copies */
  bp_graph* graph;
  uint32_t n_sym, n_copy, breaks;
  int64_t dyn[MAX_SYM];
  uint64_t tag;
  bp_span *dst, *src; /* of the CPU plugin; the command's own */
} command;
typedef struct commands {
  command* at;
  uint64_t n, cap;
} commands;
struct bp_graph {
  commands list;
};
struct bp_queue {
  bp_device* device;
  bp_queue* cpu;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  commands todo; /* all of it, until the queue is idle; the first n_begun are taken */
  uint64_t n_begun, n_enqueued, n_done;
  int stop, blame, faulted;
  bp_graph* recording;
};

static bp_status say(bp_err* err, bp_status code, uint32_t scope, uint64_t tag, const char* text) {
  err->code = code;
  err->scope = scope;
  err->launch_tag = tag;
  strncpy(err->msg, text, sizeof err->msg - 1);
  err->msg[sizeof err->msg - 1] = 0;
  return code;
}

/* ---- memory ---- */
static bp_span cpu_span(const bp_span* span) {
  bp_span out = *span;
  if (span->mem) out.mem = span->mem->cpu;
  return out;
}
static bp_span* cpu_spans(const bp_span* spans, uint32_t n) {
  bp_span* out = malloc((n ? n : 1) * sizeof *out);
  for (uint32_t i = 0; i < n; ++i) out[i] = cpu_span(&spans[i]);
  return out;
}
static bp_status heaps(bp_device* d, bp_heap* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  const bp_status status = cpu_api->heaps(d->cpu, out, stride, cap, n, err);
  if (status != BP_OK || !d->owns_memory) return status;
  *n = 2;
  if (cap < 2) return BP_OK;
  bp_heap* pinned = (bp_heap*)(void*)((char*)out + stride);
  *pinned = *out;
  out->flags = BP_HEAP_DEVICE;
  pinned->flags = BP_HEAP_PINNED;
  return BP_OK;
}
static bp_mem* wrap(bp_device* d, bp_mem* cpu, void* host) {
  bp_mem* mem = calloc(1, sizeof *mem);
  mem->cpu = cpu;
  mem->host = host;
  ++d->n_mems;
  return mem;
}
static bp_status mem_alloc(bp_device* d, const bp_alloc* what, bp_mem** out, void** host, bp_err* err) {
  bp_mem* cpu = NULL;
  bp_alloc inner = *what;
  inner.heap = 0;
  const bp_status status = cpu_api->mem_alloc(d->cpu, &inner, &cpu, host, err);
  if (status != BP_OK) return status;
  *out = wrap(d, cpu, *host);
  if (what->heap == 1) {
    (*out)->pinned_bytes = what->bytes;
    d->pinned_bytes += what->bytes;
    if (d->pinned_bytes > d->most_pinned_bytes) d->most_pinned_bytes = d->pinned_bytes;
  } else if (d->owns_memory) {
    *host = NULL;
  }
  return BP_OK;
}
static bp_status mem_import(bp_device* d, uint32_t heap, void* host, uint64_t bytes, uint32_t flags, bp_mem** out,
                            bp_err* err) {
  bp_mem* cpu = NULL;
  const bp_status status = cpu_api->mem_import(d->cpu, heap, host, bytes, flags, &cpu, err);
  if (status == BP_OK) *out = wrap(d, cpu, host);
  return status;
}
static void mem_free(bp_device* d, bp_mem* mem) {
  if (!mem) return;
  cpu_api->mem_free(d->cpu, mem->cpu);
  d->pinned_bytes -= mem->pinned_bytes;
  --d->n_mems;
  free(mem);
}

/* ---- commands ---- */
static void append(commands* list, command what) {
  if (list->n == list->cap) {
    list->cap = list->cap ? 2 * list->cap : 64;
    list->at = realloc(list->at, list->cap * sizeof *list->at);
  }
  list->at[list->n++] = what;
}
static void free_command(command* c) {
  free(c->dst);
  free(c->src);
}

static bp_status run_launch(bp_queue* q, const command* c, int in_graph) {
  const bp_plan* plan = c->bound->plan;
  int64_t dyn[MAX_SYM];
  for (uint32_t i = 0; i < plan->n_sym; ++i) {
    dyn[i] = c->dyn[i];
    if (!in_graph || plan->pads) continue;
    if (plan->len[i] >= 0) dyn[i] = *c->bound->len[plan->len[i]];
  }
  for (uint32_t i = 0; i < plan->n_sym; ++i) {
    const int32_t base = plan->base[i];
    if (in_graph && !plan->pads && base >= 0) dyn[i] = plan->mul[i] * dyn[base] + plan->add[i];
  }
  if (plan->is_culprit && (in_graph || q->blame)) return BP_E_INTERNAL;
  bp_err err = {.struct_size = sizeof err};
  const bp_launch launch = {sizeof launch, plan->n_sym, q->cpu, dyn, c->tag};
  return cpu_api->launch(c->bound->cpu, &launch, &err);
}
static bp_status run_command(bp_queue* q, const command* c, int in_graph) {
  bp_err err = {.struct_size = sizeof err};
  if (c->breaks) return BP_E_INTERNAL;
  if (c->bound) return run_launch(q, c, in_graph);
  if (c->n_copy) return cpu_api->copy(q->cpu, c->dst, c->src, c->n_copy, &err);
  for (uint64_t i = 0; c->graph && i < c->graph->list.n; ++i) {
    if (run_command(q, &c->graph->list.at[i], 1) != BP_OK) return BP_E_INTERNAL;
  }
  return BP_OK;
}

static void* work(void* queue) {
  bp_queue* q = queue;
  pthread_mutex_lock(&q->mutex);
  for (;;) {
    while (!q->stop && q->n_begun == q->todo.n) pthread_cond_wait(&q->changed, &q->mutex);
    if (q->stop) break;
    command c = q->todo.at[q->n_begun++];
    const int skip = q->faulted;
    pthread_mutex_unlock(&q->mutex);
    const bp_status status = skip ? BP_OK : run_command(q, &c, 0);
    free_command(&c);
    pthread_mutex_lock(&q->mutex);
    if (status != BP_OK) q->faulted = 1;
    ++q->n_done;
    if (q->n_begun == q->todo.n) q->n_begun = q->todo.n = 0;
    pthread_cond_broadcast(&q->changed);
  }
  for (; q->n_begun < q->todo.n; ++q->n_begun) free_command(&q->todo.at[q->n_begun]);
  pthread_mutex_unlock(&q->mutex);
  return NULL;
}

/* Until command `at` is done. */
static bp_status wait_for(bp_queue* q, uint64_t at, uint64_t timeout_ns, bp_err* err) {
  pthread_mutex_lock(&q->mutex);
  while (timeout_ns && q->n_done < at) pthread_cond_wait(&q->changed, &q->mutex);
  const int done = q->n_done >= at, faulted = q->faulted;
  pthread_mutex_unlock(&q->mutex);
  if (faulted) return say(err, BP_E_INTERNAL, BP_SCOPE_QUEUE, 0, "a launch broke the queue");
  return done ? BP_OK : say(err, BP_E_BUSY, BP_SCOPE_CALL, 0, "busy");
}
static uint64_t enqueued(bp_queue* q) {
  pthread_mutex_lock(&q->mutex);
  const uint64_t n = q->n_enqueued;
  pthread_mutex_unlock(&q->mutex);
  return n;
}
static bp_status enqueue(bp_queue* q, command c, bp_err* err) {
  if (q->recording) {
    append(&q->recording->list, c);
    return BP_OK;
  }
  pthread_mutex_lock(&q->mutex);
  const int faulted = q->faulted;
  if (!faulted) {
    append(&q->todo, c);
    ++q->n_enqueued;
  }
  pthread_cond_broadcast(&q->changed);
  pthread_mutex_unlock(&q->mutex);
  if (!faulted) return BP_OK;
  free_command(&c);
  return say(err, BP_E_INTERNAL, BP_SCOPE_QUEUE, 0, "a launch broke the queue");
}

/* ---- queues ---- */
static bp_status queue_create(bp_device* d, const bp_queue_desc* desc, bp_queue** out, bp_err* err) {
  bp_queue* q = calloc(1, sizeof *q);
  q->device = d;
  q->blame = (desc->flags & BP_QUEUE_BLAME) != 0;
  const bp_status status = cpu_api->queue_create(d->cpu, desc, &q->cpu, err);
  if (status != BP_OK) {
    free(q);
    return status;
  }
  pthread_mutex_init(&q->mutex, NULL);
  pthread_cond_init(&q->changed, NULL);
  pthread_create(&q->thread, NULL, work, q);
  *out = q;
  return BP_OK;
}
static void queue_destroy(bp_queue* q) {
  if (!q) return;
  pthread_mutex_lock(&q->mutex);
  q->stop = 1;
  pthread_cond_broadcast(&q->changed);
  pthread_mutex_unlock(&q->mutex);
  pthread_join(q->thread, NULL);
  pthread_mutex_destroy(&q->mutex);
  pthread_cond_destroy(&q->changed);
  cpu_api->queue_destroy(q->cpu);
  free(q->todo.at);
  free(q);
}
static bp_status queue_sync(bp_queue* q, uint64_t timeout_ns, bp_err* err) {
  return wait_for(q, enqueued(q), timeout_ns, err);
}
static bp_status copy(bp_queue* q, const bp_span* dst, const bp_span* src, uint32_t n, bp_err* err) {
  int on_device = 1;
  for (uint32_t i = 0; i < n; ++i) on_device = on_device && dst[i].mem && src[i].mem;
  const int is_culprit = on_device && ++q->device->n_copies == q->device->fail_copy;
  if (is_culprit && q->device->is_refused) return say(err, BP_E_INTERNAL, BP_SCOPE_CALL, 0, "no copy today");
  command c = {.n_copy = n, .breaks = (uint32_t)is_culprit, .dst = cpu_spans(dst, n), .src = cpu_spans(src, n)};
  if (on_device) return enqueue(q, c, err);
  bp_status status = queue_sync(q, UINT64_MAX, err);
  if (status == BP_OK) status = cpu_api->copy(q->cpu, c.dst, c.src, n, err);
  free_command(&c);
  return status;
}

static bp_status event_create(bp_device* d, uint32_t flags, bp_event** out, bp_err* err) {
  (void)d, (void)flags, (void)err;
  *out = calloc(1, sizeof **out);
  return BP_OK;
}
static void event_destroy(bp_event* event) { free(event); }
static bp_status event_record(bp_event* event, bp_queue* q, bp_err* err) {
  (void)err;
  event->queue = q;
  event->at = enqueued(q);
  return BP_OK;
}
static bp_status event_sync(bp_event* event, uint64_t timeout_ns, bp_err* err) {
  return event->queue ? wait_for(event->queue, event->at, timeout_ns, err) : BP_OK;
}
static bp_status event_wait(bp_queue* q, bp_event* event, bp_err* err) {
  return q == event->queue ? BP_OK : event_sync(event, UINT64_MAX, err);
}
#endif
