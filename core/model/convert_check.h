// Reads written metadata back and compares it with the configuration it came from. Internal to the module.
#pragma once

#include <string>

#include "base/result.h"
#include "model/convert_config.h"

namespace bp {

// Whether the rotated columns of q and k are to be interleaved. Errors: kUnsupported, naming what differs.
Result<bool> check_written(const ModelConfig& config, const GgufConfig& written, const std::string& where);

}  // namespace bp
