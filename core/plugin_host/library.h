// A shared library in this process, its symbols its own (RTLD_NOW, RTLD_LOCAL). Movable; not thread-safe.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace bp {

class Library {
 public:
  // REQUIRES: an absolute path. Runs the library's constructors. kRefused with the loader's own words.
  static Result<Library> load(const std::string& path);
  // Whether a library of this name is in the process already.
  static bool is_loaded(const std::string& name);

  Library(Library&&) noexcept;
  Library& operator=(Library&&) noexcept;
  // Unloads the code, unless keep_mapped() was called.
  ~Library();

  // Null where it has no such symbol.
  void* symbol(const char* name) const;
  // Code that ran may have left pointers into itself behind: it stays until the process ends.
  void keep_mapped();

 private:
  struct Handle;
  explicit Library(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace bp
