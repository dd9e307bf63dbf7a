// One constant for each architecture file. Internal to the registry.
#pragma once

#include "model/arch/architecture.h"

namespace bp {

extern const Architecture kLlama;
extern const Architecture kMistral;
extern const Architecture kMixtral;
extern const Architecture kQwen2;
extern const Architecture kQwen2Moe;
extern const Architecture kQwen3;
extern const Architecture kQwen3Moe;
extern const Architecture kGemma;
extern const Architecture kGemma2;
extern const Architecture kGemma3;
extern const Architecture kPhi3;
extern const Architecture kOlmo2;
extern const Architecture kOlmo3;
extern const Architecture kGranite;
extern const Architecture kGpt2;
extern const Architecture kFalcon;
extern const Architecture kBert;
extern const Architecture kDeepseek;
extern const Architecture kGptOss;

}  // namespace bp
