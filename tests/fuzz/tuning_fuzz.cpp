// Any bytes as a tuning cache: what is taken from them reads back as it is.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "compile/tuning_cache.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const bp::TuningText read = bp::read_tuning_text({reinterpret_cast<const char*>(data), size});
  std::string text;
  for (const bp::TuningEntry& entry : read.entries) text += bp::write_tuning_line(entry);
  const bp::TuningText again = bp::read_tuning_text(text);
  if (again.n_dropped != 0 || again.entries != read.entries) std::abort();
  return 0;
}
