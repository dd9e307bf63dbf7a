/* For fakes that are the CPU plugin with something else about it: loads it, hands its options on behind their own. Each
 * includes this once; it is the whole of their entry but for `api`. */
#ifndef BP_TESTS_WRAPPED_CPU_H
#define BP_TESTS_WRAPPED_CPU_H
#include <backplane/plugin.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum { MAX_OPTION = 32 };

static const bp_host_api* host_api;
static void* library;
static bp_plugin_api cpu_plugin;
static const bp_device_api* cpu_api; /* of the device that was opened last */
static bp_option option_list[MAX_OPTION];

/* Opens it, and fills in *out: `api`, and the options, `n_own` of the fake's first. */
static bp_status wrap_cpu_plugin(const bp_host_api* host, const bp_option* own, uint32_t n_own, bp_plugin_api api,
                                 bp_plugin_api* out, bp_err* err) {
  host_api = host;
  library = dlopen(FAKE_CPU_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    err->code = BP_E_INTERNAL;
    snprintf(err->msg, sizeof err->msg, "no CPU plugin beside the fakes");
    return BP_E_INTERNAL;
  }
  bp_status (*entry)(const bp_host_api*, bp_plugin_api*, bp_err*);
  *(void**)(&entry) = dlsym(library, "bp_plugin_entry_v0");
  cpu_plugin.struct_size = sizeof cpu_plugin;
  const bp_status status = entry(host, &cpu_plugin, err);
  if (status != BP_OK) return status;
  uint32_t n = 0;
  for (; n < n_own; ++n) option_list[n] = own[n];
  for (uint32_t i = 0; i < cpu_plugin.n_option && n < MAX_OPTION; ++i, ++n) {
    option_list[n] =
        *(const bp_option*)(const void*)((const char*)cpu_plugin.option + (uint64_t)i * cpu_plugin.option_stride);
  }
  api.struct_size = sizeof api;
  api.abi_minor = BP_ABI_MINOR;
  api.option = option_list;
  api.n_option = n;
  api.option_stride = sizeof(bp_option);
  if (api.struct_size > out->struct_size) api.struct_size = out->struct_size;
  memcpy(out, &api, api.struct_size);
  return BP_OK;
}

static bp_status shutdown_wrapped(bp_err* err) {
  const bp_status status = cpu_plugin.shutdown ? cpu_plugin.shutdown(err) : BP_OK;
  if (status == BP_OK) dlclose(library);
  return status;
}
#endif
