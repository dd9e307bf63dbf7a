// What is timed: sequences of random tokens. Private to core/perf.
#pragma once

#include "engine/engine.h"
#include "model/model.h"

namespace bp {

// Queues `batch` prompts of `n_prompt` tokens, the same each time, that go on for `n_new`. Errors: the engine's.
Status add_random_requests(Engine& engine, const Model& model, int batch, int n_prompt, int n_new);

}  // namespace bp
