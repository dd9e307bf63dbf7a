/* Does what it must not where the environment says: FAKE_DEED (segfault, illegal, abort, exit, hang, fork, leak) at
 * FAKE_PLACE (constructor, entry, enumerate, open, close, shutdown). Without them it does everything right. */
#define _GNU_SOURCE
#define FAKE_NAME "misbehaves"
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "fake_device.h"

static volatile uintptr_t nowhere = 16;

static void misbehave(const char* deed) {
  if (strcmp(deed, "segfault") == 0) *(volatile char*)nowhere = 1;
  if (strcmp(deed, "illegal") == 0) __builtin_trap();
  if (strcmp(deed, "abort") == 0) abort();
  if (strcmp(deed, "exit") == 0) _exit(3);
  if (strcmp(deed, "fork") == 0) (void)fork();
  if (strcmp(deed, "hang") == 0) {
    for (;;) pause();
  }
  if (strcmp(deed, "leak") == 0) {
    for (int i = 0; i < 500; ++i) (void)!open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
}

static void come_to(const char* place) {
  const char* where = getenv("FAKE_PLACE");
  const char* deed = getenv("FAKE_DEED");
  if (where == NULL || deed == NULL || strcmp(where, place) != 0) return;
  fprintf(stderr, "about to %s\n", deed);
  misbehave(deed);
}

__attribute__((constructor)) static void construct(void) { come_to("constructor"); }

static bp_status enumerate(bp_device_info* out, uint32_t stride, uint32_t cap, uint32_t* n, bp_err* err) {
  come_to("enumerate");
  return fake_enumerate(out, stride, cap, n, err);
}

static bp_status open_device(const char* id, bp_device** out, const bp_device_api** api, bp_err* err) {
  come_to("open");
  return fake_open(id, out, api, err);
}

static void close_device(bp_device* d) {
  come_to("close");
  fake_close(d);
}

static bp_status shut_down(bp_err* err) {
  (void)err;
  come_to("shutdown");
  return BP_OK;
}

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  come_to("entry");
  fake_entry(host, out);
  out->enumerate = enumerate;
  out->open = open_device;
  out->close = close_device;
  out->shutdown = shut_down;
  return BP_OK;
}
