// One constant for each architecture file. Internal to the registry.
#pragma once

#include "model/arch/architecture.h"

namespace bp {

extern const Architecture kLlama, kMistral, kMixtral, kQwen2, kQwen3;

}  // namespace bp
