/* Its entry says no. */
#define FAKE_NAME "entry_fails"
#define FAKE_HINT "install the fake runtime"
#include "fake_device.h"

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  fake_entry(host, out);
  return fake_fail(err, BP_E_INTERNAL, BP_SCOPE_PROCESS, 0, "the fake runtime is not there");
}
