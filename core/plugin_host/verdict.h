// What became of a file that was found where plugins are. Thread-safety: plain values.
#pragma once

#include <expected>
#include <string>
#include <utility>

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
  std::string name{}, version{};  // empty where the manifest could not be read
  Verdict verdict = Verdict::kOk;
  std::string reason{};  // empty for kOk
  std::string fix{};     // may be empty
};

// Why a file is not used. Every step of the pipeline answers with its result or with one of these.
struct Refusal {
  Verdict verdict;
  std::string reason;
  std::string fix;
};

template <class T>
using Checked = std::expected<T, Refusal>;

inline std::unexpected<Refusal> refuse(Verdict verdict, std::string reason, std::string fix = {}) {
  return std::unexpected(Refusal{verdict, std::move(reason), std::move(fix)});
}

}  // namespace bp
