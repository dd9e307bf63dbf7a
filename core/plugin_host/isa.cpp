#include "plugin_host/isa.h"

#include <backplane/plugin.h>
#include <elf.h>
#include <fmt/format.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif

namespace bp {

uint32_t host_isa_level() {
#if defined(__x86_64__)
  // The compiler's run-time library reads XCR0 before it says yes to AVX and AVX-512.
  if (__builtin_cpu_supports("x86-64-v4")) return BP_ISA_X86_64_V4;
  if (__builtin_cpu_supports("x86-64-v3")) return BP_ISA_X86_64_V3;
  if (__builtin_cpu_supports("x86-64-v2")) return BP_ISA_X86_64_V2;
  return BP_ISA_X86_64_V1;
#else
  return BP_ISA_ANY;
#endif
}

std::string isa_level_name(uint32_t level) {
  if (level >= BP_ISA_X86_64_V1 && level <= BP_ISA_X86_64_V4) return fmt::format("x86-64-v{}", level);
  return fmt::format("level {}", level);
}

uint16_t host_elf_machine() {
#if defined(__x86_64__)
  return EM_X86_64;
#elif defined(__aarch64__)
  return EM_AARCH64;
#elif defined(__riscv)
  return EM_RISCV;
#else
#error "name this machine's ELF number"
#endif
}

uint32_t host_sanitizers() {
  uint32_t bits = 0;
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
  bits |= BP_SANITIZER_ADDRESS;
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
  bits |= BP_SANITIZER_THREAD;
#endif
  return bits;
}

}  // namespace bp
