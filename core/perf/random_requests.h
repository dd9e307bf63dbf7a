// What is timed: sequences of random tokens. Private to core/perf.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "model/model.h"

namespace bp {

// kUsage where `command` has nothing to `work` on ("time", "run"), or needs more than `max_context` tokens.
Status check_tokens(std::string_view command, std::string_view work, int n_prompt, int n_gen, int depth,
                    int max_context);

// Tokens of the model's vocabulary, the same each time.
std::vector<int32_t> random_tokens(const Model& model, int n);

// Queues `batch` prompts of `n_prompt` tokens, the same each time, that go on for `n_new`. Errors: the engine's.
Result<std::vector<SequenceId>> add_random_requests(Engine& engine, const Model& model, int batch, int n_prompt,
                                                    int n_new);

}  // namespace bp
