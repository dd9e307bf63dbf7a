// Steps of a model that can be run again and again, for comparing configurations of kernels in them.
#pragma once

#include <vector>

#include "compile/step_trial.h"
#include "engine/embedder.h"
#include "engine/engine.h"
#include "model/model.h"

namespace bp {

// How the program for up to `bucket` tokens is run again: at the bucket's size, and at half of it (or the least that
// falls into the bucket, if that is more; not where both are one size). Up to the most sequences of a step, each token
// is another sequence's, behind some hundred tokens of context as far as the KV pages reach; beyond, they are prompts'.
// Sizes that the engine cannot bring about are left out. The engine and the model outlive the answer; in between, the
// engine takes no other requests. Errors: the engine's. REQUIRES: the engine is idle; the buckets are the engine's.
Result<std::vector<RunAgain>> step_runs(Engine& engine, const Model& model, const EngineOptions& options, int bucket);
// The same of an encoder: texts of at most its context's tokens.
std::vector<RunAgain> step_runs(Embedder& embedder, const Model& model, const EngineOptions& options, int bucket);

}  // namespace bp
