#define BOOST_DLL_USE_STD_FS
#include "plugin_host/library.h"

#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <exception>

namespace bp {

struct Library::Handle {
  boost::dll::shared_library library;
  std::string path;
};

Library::Library(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Library::Library(Library&&) noexcept = default;
Library& Library::operator=(Library&&) noexcept = default;
Library::~Library() = default;

Result<Library> Library::load(const std::string& path) {
  namespace dll = boost::dll;
  try {
    auto handle = std::make_unique<Handle>();
    handle->library.load(path, dll::load_mode::rtld_now | dll::load_mode::rtld_local);
    handle->path = path;
    return Library(std::move(handle));
  } catch (const std::exception& error) {
    std::string text = error.what();
    // Boost.DLL wraps the loader's message: "… (dlerror system message: TEXT): Bad file descriptor".
    constexpr std::string_view kBefore = "(dlerror system message: ";
    if (const size_t at = text.find(kBefore); at != std::string::npos) {
      text = text.substr(at + kBefore.size());
      if (const size_t end = text.rfind(')'); end != std::string::npos) text.resize(end);
    }
    return fail(ErrorCode::kRefused, path, text);
  }
}

bool Library::is_loaded(const std::string& name) {
  void* handle = ::dlopen(name.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) return false;
  ::dlclose(handle);
  return true;
}

void* Library::symbol(const char* name) const {
  const auto& library = handle_->library;
  return library.is_loaded() ? ::dlsym(library.native(), name) : nullptr;
}

void Library::keep_mapped() {
  // The loader finds it by the name it was loaded under, so that a file replaced meanwhile is not opened.
  if (void* same = ::dlopen(handle_->path.c_str(), RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE)) ::dlclose(same);
}

}  // namespace bp
