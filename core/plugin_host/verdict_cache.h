// What is known of plugin files from earlier starts, so that a start neither reads nor probes what has not changed.
// A text file, a line of JSON with its own checksum for each plugin; lines that are damaged, foreign or stale are
// ignored. Several processes may use one file at once: it is replaced as a whole, under a lock, and keeps what others
// have added meanwhile. An object is one thread's.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "plugin_host/regular_file.h"

namespace bp {

struct KnownFile {
  FileIdentity identity;  // of the file when it was copied
  std::string sha256;
  std::string copy;  // path of the staged copy
  FileIdentity copy_identity;
  std::string probed_by;                // stamp of the helper; empty: it was not probed
  std::optional<Refusal> quarantine{};  // PROBE_*: not to be loaded until it changes
};

class VerdictCache {
 public:
  // Reads what is there. Empty: nothing is kept.
  explicit VerdictCache(std::string file);

  // Null where the file at `path` is not known as it is now.
  const KnownFile* find(const std::string& path, const FileIdentity& identity) const;
  void put(const std::string& path, KnownFile known);
  // Writes what was put, if anything was. Files that are gone are forgotten. What cannot be written is logged: the next
  // start takes longer. True: written.
  bool save();
  // Paths of all copies that it names.
  std::set<std::string> copies() const;

 private:
  using Entries = std::map<std::string, KnownFile>;
  Entries read() const;

  std::string file_;
  Entries entries_;
  std::set<std::string> changed_;
};

}  // namespace bp
