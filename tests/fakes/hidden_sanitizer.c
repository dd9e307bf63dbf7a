/* Wants AddressSanitizer's runtime, but its manifest does not say so. */
#define FAKE_NAME "hidden_sanitizer"
#include <backplane/plugin.h>
#undef BP_BUILD_SANITIZER
#define BP_BUILD_SANITIZER 0
#include "fake_device.h"

extern void __asan_init(void) __attribute__((weak));

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  if (__asan_init) __asan_init();
  return fake_entry(host, out);
}
