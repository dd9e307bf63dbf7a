// The folder of one model: its file, the part that is being fetched, the lock, and the note that its hash was checked.
// Thread-safety: plain values; writing is for whoever holds the lock.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "zoo/manifest.h"

namespace bp {

class ModelStore {
 public:
  ModelStore(const ZooModel& model, const std::string& models_dir);

  const std::string& folder() const { return folder_; }
  std::string file() const { return folder_ + "/" + model_.file; }
  std::string part() const { return file() + ".part"; }

  // The file is here and the note says that its hash was right. Cheap.
  bool is_noted() const;
  // The file is here and has the hash: by the note where size and time still fit, else by reading it all.
  bool has_model(bool may_write) const;
  // Errors: kFailed where fewer than `size_bytes` are free.
  Status check_space(uint64_t size_bytes) const;
  // Checks size and hash of the part and gives it the final name, on the disk before that. A part that is wrong is
  // removed: kRefused.
  Status accept_part() const;

 private:
  std::string note() const { return file() + ".sha256"; }
  void write_note() const;

  const ZooModel& model_;
  std::string folder_;
};

// Holds the model's lock while it lives. Another process's ends with that process.
class StoreLock {
 public:
  // Waits until it is free. Errors: kInterrupted; kFailed where the folder cannot be written.
  static Result<StoreLock> take(const std::string& folder, const std::stop_token& stop);
  StoreLock(StoreLock&& other) noexcept;
  StoreLock& operator=(StoreLock&& other) noexcept;
  ~StoreLock();

 private:
  explicit StoreLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

// Removes FILE.part and what belongs to it.
void remove_part(const std::string& part);

}  // namespace bp
