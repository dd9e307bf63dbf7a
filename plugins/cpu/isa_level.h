// Which instruction sets kernels may use, chosen once when the device is opened.
#pragma once

#include <string>

namespace bp::cpu {

// Each has all of the former.
enum class IsaLevel {
  kNone,        // below what the kernels need
  kAvx2,        // AVX2, FMA, F16C
  kAvx512,      // F, BW, DQ, VL
  kAvx512Vnni,  // int8 dot products
  kAvx512Bf16,  // bf16 dot products
  kAmx,         // tiles of int8 and bf16
};

// What this processor and operating system have. Asks the system for the state that AMX needs.
IsaLevel best_isa();
// "auto", "avx2", "avx512", "avx512_vnni", "avx512_bf16", "amx": at most that, and at most what the machine has; kNone
// for other words.
IsaLevel isa_from_option(const std::string& option);
const char* isa_name(IsaLevel level);

}  // namespace bp::cpu
