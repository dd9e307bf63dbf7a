// Whose file it is: nobody but the system's administrator and we may be able to change it. Thread-safety: a free
// function.
#pragma once

#include <string>

#include "plugin_host/regular_file.h"

namespace bp {

// UNTRUSTED unless the file and the folder that it is in are root's or ours and nobody else may write to them; where
// the path is a link, the folder of the link as well.
Checked<void> check_trust(const std::string& path, const RegularFile& file);

}  // namespace bp
