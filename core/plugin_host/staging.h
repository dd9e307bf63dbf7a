// Private copies of plugin files, one for each content: what was hashed is what is loaded, and whatever happens to the
// file afterwards, a process that runs its code is not disturbed.
//
//   ROOT/<sha256>/<name>.so                            a plugin that stands on its own
//   ROOT/<sha256>-<hash of its path>/<its path>        one that names $ORIGIN: with links to what lies around the
//   original
//
// A copy appears complete or not at all, and is never changed. Several processes may use one folder at once; an object
// is one thread's.
#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "plugin_host/elf_image.h"

namespace bp {

struct StagedCopy {
  std::string path;
  std::string sha256;     // of the whole file
  FileIdentity identity;  // of the copy
  FileIdentity source;    // of what was copied
  bool settled = false;   // a change of the source after the copy has another identity for certain
};

// Makes the folder, or what is there, ours alone. Errors: kFailed where it cannot be made or is somebody else's.
Status make_private_folder(const std::string& path);

class StagingFolder {
 public:
  // Makes it, for us alone. Errors: kFailed where it cannot be made, is not ours, or code in it may not be run.
  static Result<StagingFolder> open(const std::string& root);
  // One that is removed with the object: what was loaded from it stays loaded.
  static Result<StagingFolder> temporary();
  StagingFolder(StagingFolder&& other) noexcept;
  StagingFolder& operator=(StagingFolder&& other) noexcept;
  ~StagingFolder();

  // The copy of the file at `path`, opened as `image`; `name` is its plugin's. TRUNCATED where it changes all the
  // while, UNTRUSTED where it cannot be copied.
  Checked<StagedCopy> stage(ElfImage& image, const std::string& path, const std::string& name) const;
  // Whether a copy is there and as it was.
  static bool is_intact(const std::string& path, const FileIdentity& identity);
  // Removes copies that nobody names in `used` (paths of copies), but for the newest few and those of the last hour.
  void clean(const std::set<std::string>& used) const;

 private:
  StagingFolder(std::string root, bool temporary) : root_(std::move(root)), temporary_(temporary) {}

  std::string root_;
  bool temporary_;
};

}  // namespace bp
