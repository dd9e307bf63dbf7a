#include "isa_level.h"

#include <algorithm>

#include <sys/syscall.h>
#include <unistd.h>

namespace bp::cpu {
namespace {

// Linux lends the 8 KB of tile state of each thread on request, once for the process.
bool may_use_tiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

IsaLevel best_isa() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c"))
    return IsaLevel::kNone;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!avx512) return IsaLevel::kAvx2;
  if (!__builtin_cpu_supports("avx512vnni")) return IsaLevel::kAvx512;
  if (!__builtin_cpu_supports("avx512bf16")) return IsaLevel::kAvx512Vnni;
  static const bool amx = __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-int8") &&
                          __builtin_cpu_supports("amx-bf16") && may_use_tiles();
  return amx ? IsaLevel::kAmx : IsaLevel::kAvx512Bf16;
}

IsaLevel isa_from_option(const std::string& option) {
  const IsaLevel best = best_isa();
  if (option == "auto" || option.empty()) return best;
  for (const IsaLevel level :
       {IsaLevel::kAvx2, IsaLevel::kAvx512, IsaLevel::kAvx512Vnni, IsaLevel::kAvx512Bf16, IsaLevel::kAmx}) {
    if (option == isa_name(level)) return std::min(level, best);
  }
  return IsaLevel::kNone;
}

const char* isa_name(IsaLevel level) {
  switch (level) {
    case IsaLevel::kNone:
      return "none";
    case IsaLevel::kAvx2:
      return "avx2";
    case IsaLevel::kAvx512:
      return "avx512";
    case IsaLevel::kAvx512Vnni:
      return "avx512_vnni";
    case IsaLevel::kAvx512Bf16:
      return "avx512_bf16";
    case IsaLevel::kAmx:
      return "amx";
  }
  return "none";
}

}  // namespace bp::cpu
