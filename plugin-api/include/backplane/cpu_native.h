/* What plugins attached to the devices of plugin "cpu" get from its native/1. Not part of the border: types of this
 * plugin, whose names carry their version.
 *
 *   "cpu.pointer@1"        of a BP_OBJ_MEM: the address of its first byte; a span's operand is at that + span.off
 *   "cpu.parallel_for@1"   of the BP_OBJ_DEVICE or a BP_OBJ_QUEUE of it: the address of a bp_cpu_team
 *
 * A launch on this device runs the work before it returns (BP_DEV_INLINE): so does a bound of an attached plugin. */
#ifndef BP_CPU_NATIVE_H
#define BP_CPU_NATIVE_H
#include <backplane/plugin.h>
#ifdef __cplusplus
extern "C" {
#endif
#define BP_CPU_POINTER "cpu.pointer@1"
#define BP_CPU_PARALLEL_FOR "cpu.parallel_for@1"

/* The threads that the device's own kernels run on: using them, and no threads of one's own, keeps the processors from
 * being counted twice. Valid until close of the device. Grows at its end. */
typedef struct bp_cpu_team {
  uint32_t struct_size, n_threads; /* n_threads: as many calls run at once, at most */
  void* ctx;                       /* first argument of parallel_for */
  /* f(arg, i) once for each i in [0, n), on the team and the calling thread; returns when all are done. For launch:
   * allocates nothing, and where the team is busy with another queue's work the caller does all of it. f neither
   * throws nor calls parallel_for. n <= 0: nothing. */
  void (*parallel_for)(void* ctx, int64_t n, void (*f)(void* arg, int64_t i), void* arg);
} bp_cpu_team;

#ifdef __cplusplus
}
#endif
#endif
