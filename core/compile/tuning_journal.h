// Which configurations are being tried: written before each trial, so that one that kills the process or hangs the
// machine is known to the next. One tuner at a time holds a journal. A line is a word and a hash: "try", "done" or
// "kills". Not thread-safe.
#pragma once

#include <set>
#include <string>

#include "base/result.h"

namespace bp {

class TuningJournal {
 public:
  // Makes the file and its folder where there is none. Trials of an earlier process that were begun and never ended
  // count as killers from now on. Errors: kFailed where it cannot be written, or another process holds it.
  static Result<TuningJournal> open(const std::string& path);
  TuningJournal(TuningJournal&& other) noexcept;
  TuningJournal& operator=(TuningJournal&&) = delete;
  ~TuningJournal();

  bool kills(const std::string& trial) const;
  size_t n_killers() const { return killers_.size(); }
  // On the disk before it returns. `trial` is any text that names it.
  Status begin(const std::string& trial);
  Status end(const std::string& trial);

 private:
  explicit TuningJournal(int fd) : fd_(fd) {}
  Status read();
  Status write(const std::string& line, bool to_disk) const;

  int fd_ = -1;
  std::set<std::string> killers_;  // hashes
};

}  // namespace bp
