#include "perf/random_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <string>

namespace bp {
namespace {

std::vector<int32_t> draw(std::mt19937& random, const Model& model, int n) {
  std::uniform_int_distribution<int32_t> token(0, static_cast<int32_t>(model.config().vocab - 1));
  std::vector<int32_t> tokens;
  for (int i = 0; i < n; ++i) tokens.push_back(token(random));
  return tokens;
}

}  // namespace

Status check_tokens(std::string_view command, std::string_view work, int n_prompt, int n_gen, int depth,
                    int max_context) {
  if (n_prompt <= 0 && n_gen <= 0) {
    return fail(ErrorCode::kUsage, std::string(command),
                fmt::format("{} prompt tokens and {} new ones leave nothing to {}", n_prompt, n_gen, work),
                "raise -p or -n");
  }
  const int64_t longest = int64_t{depth} + std::max(n_prompt, n_gen + 1);
  if (longest > max_context) {
    return fail(ErrorCode::kUsage, std::string(command),
                fmt::format("needs {} tokens of context, there are {}", longest, max_context),
                "lower -p, -n or -d, or raise engine.max_context or kv.memory_fraction");
  }
  return {};
}

std::vector<int32_t> random_tokens(const Model& model, int n) {
  std::mt19937 random(7);
  return draw(random, model, n);
}

Result<std::vector<SequenceId>> add_random_requests(Engine& engine, const Model& model, int batch, int n_prompt,
                                                    int n_new) {
  std::mt19937 random(7);
  std::vector<SequenceId> ids;
  for (int i = 0; i < batch; ++i) {
    Request request;
    request.prompt = draw(random, model, n_prompt);
    request.max_new_tokens = n_new;
    BP_TRY(const SequenceId id, engine.add(std::move(request)));
    ids.push_back(id);
  }
  return ids;
}

}  // namespace bp
