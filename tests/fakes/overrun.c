/* Built, it says, with a header whose plugin table is larger, and writes all of it. */
#define FAKE_NAME "overrun"
#include "fake_device.h"

BP_EXPORT bp_status bp_plugin_entry_v0(const bp_host_api* host, bp_plugin_api* out, bp_err* err) {
  (void)err;
  const bp_status status = fake_entry(host, out);
  memset((char*)out + sizeof *out, 0x5a, 24);
  return status;
}
