// What this processor and operating system can run, in the numbers of bp_manifest.isa_level. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

namespace bp {

// The highest BP_ISA_X86_64_V* (CPUID, and XCR0 for what the system must save); BP_ISA_ANY where this is not known.
uint32_t host_isa_level();
// "x86-64-v3"; "level 77" for numbers this host does not know.
std::string isa_level_name(uint32_t level);
// The ELF machine number of this host.
uint16_t host_elf_machine();
// BP_SANITIZER_* that this program is built with.
uint32_t host_sanitizers();

}  // namespace bp
