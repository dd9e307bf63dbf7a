// docs/opset.md, written from the opset's table.
#pragma once

#include <span>
#include <string>

#include "graph/opset.h"

namespace bp {

std::string markdown(std::span<const OpDef> ops);

}  // namespace bp
