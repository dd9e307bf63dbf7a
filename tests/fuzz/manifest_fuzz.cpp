// Any bytes as a plugin file, up to where its code would run: the ELF image, the manifest in its note, what it says of
// versions, and the libraries it names.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "plugin_host/manifest.h"
#include "plugin_host/missing_libs.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int file = ::memfd_create("plugin", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (::ftruncate(file, 0) != 0 || ::pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) return 0;
  const auto image = bp::ElfImage::open(path);
  if (!image) return 0;
  const auto manifest = bp::read_manifest(*image);
  if (!manifest) return 0;
  (void)bp::check_manifest(*manifest);
  (void)bp::check_manifest(*manifest, {.major = 1, .minor = 3});
  (void)bp::find_missing_libs(*image, *manifest, path);
  return 0;
}
