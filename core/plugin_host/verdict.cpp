#include "plugin_host/verdict.h"

#include <array>

namespace bp {

const char* verdict_name(Verdict verdict) {
  static constexpr std::array<const char*, 22> kNames = {
      "OK",           "NOT_ELF",   "TRUNCATED",    "WRONG_ARCH",    "NO_MANIFEST", "ABI_MAJOR",
      "ABI_TOO_NEW",  "ISA",       "SANITIZER",    "MISSING_LIBS",  "UNTRUSTED",   "NOT_ALLOWED",
      "BAD_HASH",     "SHADOWED",  "PROBE_SIGNAL", "PROBE_TIMEOUT", "PROBE_EXIT",  "NO_ENTRY",
      "ENTRY_FAILED", "BAD_TABLE", "NO_DEVICE",    "SELFTEST"};
  static_assert(kNames.size() == static_cast<size_t>(Verdict::kSelftest) + 1);
  return kNames[static_cast<size_t>(verdict)];
}

}  // namespace bp
