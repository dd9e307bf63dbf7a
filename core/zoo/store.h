// The folder of one model: what it is made of, the parts that are being fetched, the lock, and the note that the hashes
// were checked. A model of one file is FILE, fetched into FILE.part. A folder is put together in FOLDER.part and gets
// its name when all of it is there.
// Thread-safety: plain values; writing is for whoever holds the lock.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "zoo/fetch.h"
#include "zoo/manifest.h"
#include "zoo/note.h"

namespace bp {

class ModelStore {
 public:
  ModelStore(const ZooModel& model, const std::string& models_dir);

  const std::string& folder() const { return folder_; }
  // Of the model: the file, or the folder.
  std::string path() const;
  std::string part(const ZooFile& file) const;

  // Everything is here, and the note says that the hashes were right. Cheap.
  bool is_noted() const;
  // Everything is here and has its hash: by the note where size and time still fit, else by reading it all. What has no
  // known hash must have that of the note.
  bool has_model(bool may_write) const;
  // The file was accepted earlier, into a folder that is not whole yet.
  bool is_staged(const ZooFile& file) const;
  // Checks size, hash and kind of the part and gives it its name, on the disk before that; its hash. A part that is
  // wrong is removed: kRefused.
  Result<std::string> accept_part(const FileFetch& fetch) const;
  // Gives a folder its name and writes the note. `hashes` are those of the files in their order; one that is empty is
  // taken now. REQUIRES: every file was accepted. Errors: kRefused where one is not what it was.
  Status publish(std::vector<std::string> hashes) const;
  // Of what is here: the file's hash, or of a folder that of its files' hashes and names as sha256sum writes them.
  // REQUIRES: is_noted() or has_model().
  std::string sha256() const;
  uint64_t size_bytes() const;
  // Removes the model, what was fetched of it, and the folder. Errors: kFailed.
  Status remove() const;

 private:
  std::string note_path() const { return path() + ".sha256"; }
  std::string staging() const { return path() + ".part"; }
  std::string final_path(const ZooFile& file) const;
  // Where a file lies once it was accepted.
  std::string accepted_path(const ZooFile& file) const;
  std::optional<std::vector<NoteLine>> noted_lines() const;
  void keep_note(const std::vector<NoteLine>& lines) const;

  const ZooModel& model_;
  std::string folder_;
};

// Holds the model's lock while it lives. Another process's ends with that process.
class StoreLock {
 public:
  // Waits until it is free; makes the folder. Errors: kInterrupted; kFailed where the folder cannot be written.
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
// Errors: kFailed where fewer than `size_bytes` are free.
Status check_space(const std::string& folder, uint64_t size_bytes);

}  // namespace bp
