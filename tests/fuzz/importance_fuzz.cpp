// An importance matrix, whatever its file claims: read, and the means of every weight and matrix taken.
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "model/importance.h"

namespace {

// A file without a folder: reading takes a path.
struct MemoryFile {
  int descriptor = memfd_create("importance_fuzz", 0);
  std::string path = "/proc/self/fd/" + std::to_string(descriptor);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const MemoryFile file;
  if (ftruncate(file.descriptor, 0) != 0 || pwrite(file.descriptor, data, size, 0) != static_cast<ssize_t>(size)) {
    return 0;
  }
  const auto matrix = bp::read_importance(file.path);
  if (!matrix) {
    (void)matrix.error().message();
    return 0;
  }
  for (const auto& [name, importance] : matrix->weights) {
    for (int64_t i = 0; i <= importance.n_matrices && i < 8; ++i) {
      for (const float mean : importance.means(i)) {
        if (std::isnan(mean) || mean < 0) std::abort();  // what is read is finite and not negative
      }
    }
  }
  return 0;
}
