// What this process takes of the machine's memory, as the kernel counts it. Any thread.
#pragma once

#include <cstdint>

namespace bp {

struct ProcessMemory {
  uint64_t own_bytes = 0;     // resident and private: what was allocated and touched
  uint64_t mapped_bytes = 0;  // resident pages of mapped files; the kernel takes them back when it needs to
};

// Zeros where /proc does not say.
ProcessMemory process_memory();

// Bytes that the machine could give out without taking from anybody. 0 where /proc does not say.
uint64_t host_available_bytes();

}  // namespace bp
