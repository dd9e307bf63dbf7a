#include "perf/random_requests.h"

#include <random>

namespace bp {

Status add_random_requests(Engine& engine, const Model& model, int batch, int n_prompt, int n_new) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int32_t> token(0, static_cast<int32_t>(model.config().vocab - 1));
  for (int i = 0; i < batch; ++i) {
    Request request;
    for (int t = 0; t < n_prompt; ++t) request.prompt.push_back(token(random));
    request.max_new_tokens = n_new;
    BP_TRY_VOID(engine.add(std::move(request)));
  }
  return {};
}

}  // namespace bp
