// What this processor and operating system can run, in the numbers of bp_manifest.isa_level. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

namespace bp {

// The highest level: 1 to 4 for x86-64-v1 to v4 (CPUID, and XCR0 for what the system must save); 0 elsewhere.
uint32_t host_isa_level();
// "x86-64-v3"; "level 77" for numbers this host does not know.
std::string isa_level_name(uint32_t level);
// The ELF machine number of this host.
uint16_t host_elf_machine();
// How this program is built, in the numbers of bp_manifest.sanitizer.
uint32_t host_sanitizers();

}  // namespace bp
