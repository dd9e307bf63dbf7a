// skips.toml beside a plugin: cases that its author knows to fail, each with the reason.
//   [opencl]                                  # the plugin's name
//   attention_dim1 = "the driver's compiler rejects vectors of one"
// Thread-safety: a value and a free function.
#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace bp::conformance {

using Skips = std::map<std::string, std::string>;  // name of a case or check -> reason

// Of `plugin`, from the file `path`; none where there is no such file. Errors: kRefused for a file that cannot be read,
// and for a skip without a reason.
Result<Skips> read_skips(const std::string& path, const std::string& plugin);

}  // namespace bp::conformance
