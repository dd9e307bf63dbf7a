// What the host has pointers to and does not look into.
#pragma once
#include <backplane/plugin.hpp>

struct bp_device {
  const bp_host_api* host;  // log, intern, cfg_get: valid until shutdown
};
struct bp_mem {
  unsigned char* bytes;
  uint64_t size;
};
struct bp_queue {
  bp_device* device;
};
