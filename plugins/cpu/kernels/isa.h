// Kernels that are compiled once for each instruction set, from the same source: AVX2 (with FMA and F16C) and AVX-512
// (F, BW, DQ, VL). Each copy lives in a namespace named for it, so that no code of one can stand in for the other's.
#pragma once

// Declares a kernel for every instruction set.
#define BP_CPU_EACH_ISA(...) \
  namespace avx2 {           \
  __VA_ARGS__                \
  }                          \
  namespace avx512 {         \
  __VA_ARGS__                \
  }

#if defined(__AVX512F__)
#define BP_CPU_ISA avx512
#elif defined(__AVX2__)
#define BP_CPU_ISA avx2
#endif
