#include "base/process_memory.h"

#include <cstdio>
#include <memory>

namespace bp {

ProcessMemory process_memory() {
  ProcessMemory memory;
  const std::unique_ptr<FILE, int (*)(FILE*)> status(std::fopen("/proc/self/status", "re"), &std::fclose);
  if (status == nullptr) return memory;
  char line[256];
  unsigned long long kib = 0;
  while (std::fgets(line, sizeof line, status.get()) != nullptr) {
    if (std::sscanf(line, "RssAnon: %llu", &kib) == 1) memory.own_bytes = uint64_t{kib} * 1024;
    if (std::sscanf(line, "RssFile: %llu", &kib) == 1) memory.mapped_bytes = uint64_t{kib} * 1024;
  }
  return memory;
}

uint64_t host_available_bytes() {
  const std::unique_ptr<FILE, int (*)(FILE*)> info(std::fopen("/proc/meminfo", "re"), &std::fclose);
  if (info == nullptr) return 0;
  char line[256];
  unsigned long long kib = 0;
  while (std::fgets(line, sizeof line, info.get()) != nullptr) {
    if (std::sscanf(line, "MemAvailable: %llu", &kib) == 1) return uint64_t{kib} * 1024;
  }
  return 0;
}

}  // namespace bp
