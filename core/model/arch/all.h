// One constant for each architecture file. Internal to the registry.
#pragma once

#include "model/arch/architecture.h"

namespace bp {

extern const Architecture kLlama, kMistral, kMixtral, kQwen2, kQwen2Moe, kQwen3, kQwen3Moe;

}  // namespace bp
