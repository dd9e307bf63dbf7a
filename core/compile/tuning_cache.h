// What tuning has found, kept across processes: for a kernel and a problem on a device the fastest configuration.
//
// $XDG_CACHE_HOME/backplane/tune/DEVICE.jsonl, DEVICE being the first 16 digits of the device's fingerprint; each line
// is an entry, a JSON object of its own:
//   {"v": 1, "plugin": sha256 of the plugin's file, "kernel": id, "device": fingerprint, "problem": dtypes, sizes and
//    layouts (tuning.h), "config": {tunable: value, …}, "us": median, "default_us": median of the default,
//    "sha256": of the line's text without this member, which is its last}
// A line that does not parse, has another checksum or values out of range is dropped, and the others stay: a damaged
// file costs speed, never a run. Writers take the lock ".lock", merge with what is there and rename.
// Not thread-safe; several processes may use one folder at once.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bp {

struct TuningKey {
  std::string plugin;  // sha256 of its file: another build's results are not ours
  std::string kernel;
  std::string device;  // fingerprint, 64 hexadecimal digits
  std::string problem;
  auto operator<=>(const TuningKey&) const = default;
};

struct TunedValue {
  std::string tunable;
  int64_t value = 0;
  bool operator==(const TunedValue&) const = default;
};

struct TuningEntry {
  TuningKey key;
  std::vector<TunedValue> config;
  double us = 0;          // of one launch
  double default_us = 0;  // of one launch with the heuristic's configuration
  bool operator==(const TuningEntry&) const = default;
};

struct TuningText {
  std::vector<TuningEntry> entries;  // in the order of the lines; of one key the last counts
  size_t n_dropped = 0;
};

// Any bytes. Never fails.
TuningText read_tuning_text(std::string_view text);
// A line with its newline.
std::string write_tuning_line(const TuningEntry& entry);

class TuningCache {
 public:
  // Reads what is there of `device` (its fingerprint): the seeds, read-only files beside plugins, then the folder's
  // file, which goes before them. What cannot be read is warned of and left out. `folder` empty: the seeds alone.
  TuningCache(std::string folder, std::string device, std::span<const std::string> seeds);

  // Null where there is none.
  const TuningEntry* find(const TuningKey& key) const;
  // Whether there is an entry of the kernel, whatever its problem. `plugin`: sha256 of its file.
  bool has(const std::string& plugin, const std::string& kernel) const;
  size_t size() const { return entries_.size(); }
  // Adds entries, here and in the folder's file, beside what other processes have written meanwhile; makes the folder.
  // Errors: kFailed where it cannot be written; the entries count in this process then.
  Status add(std::span<const TuningEntry> entries);

  const std::string& folder() const { return folder_; }
  // The file of a device.
  static std::string file_in(const std::string& folder, const std::string& device);

 private:
  void read(const std::string& path);
  Status write(std::span<const TuningEntry> entries) const;

  std::string folder_;
  std::string device_;
  std::map<TuningKey, TuningEntry> entries_;
};

// Where tuning results are kept (base/cache_folder.h).
std::string tuning_folder(const std::string& cache_dir);

}  // namespace bp
