// What became of a file that was found where plugins are. Thread-safety: plain values.
#pragma once

#include <string>

namespace bp {

enum class Verdict {
  kOk,
  kNotElf,
  kTruncated,
  kWrongArch,
  kNoManifest,
  kAbiMajor,
  kAbiTooNew,
  kIsa,
  kSanitizer,
  kMissingLibs,
  kUntrusted,
  kNotAllowed,
  kBadHash,
  kShadowed,
  kProbeSignal,
  kProbeTimeout,
  kProbeExit,
  kNoEntry,
  kEntryFailed,
  kBadTable,
  kNoDevice,
  kSelftest,
};

// "OK", "NOT_ELF", …: as `backplane plugins list` prints it.
const char* verdict_name(Verdict verdict);

struct PluginVerdict {
  std::string file;
  std::string name, version;  // empty where the manifest could not be read
  Verdict verdict = Verdict::kOk;
  std::string reason;  // empty for kOk
  std::string fix;     // may be empty
};

}  // namespace bp
