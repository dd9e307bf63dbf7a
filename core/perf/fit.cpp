#include "perf/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace bp {
namespace {

// Types that `backplane quantize` writes, by their bits per weight with scales.
constexpr std::array<std::pair<const char*, double>, 6> kTypes = {{
    {"q8_0", 8.5},
    {"q6_k", 6.5625},
    {"q5_k", 5.5},
    {"q4_k", 4.5},
    {"q3_k", 3.4375},
    {"q2_k", 2.625},
}};

}  // namespace

Fit fit(const FitQuestion& question) {
  const MemoryUsage& usage = question.usage;
  const uint64_t needed = usage.slabs() + usage.in_place;
  if (needed <= question.available_bytes) return {true, ""};
  const uint64_t without_kv = needed - usage.kv;
  if (without_kv < question.available_bytes && question.kv_token_bytes > 0) {
    const uint64_t tokens = (question.available_bytes - without_kv) / question.kv_token_bytes;
    const auto page = static_cast<uint64_t>(question.page_size);
    const uint64_t each = tokens / static_cast<uint64_t>(question.max_seqs) / page * page;
    const uint64_t n_seqs = question.context > 0 ? tokens / static_cast<uint64_t>(question.context) : 0;
    if (each > 0 && n_seqs > 0) {
      return {false, fmt::format("set engine.max_context = {} or engine.max_seqs = {}", each, n_seqs)};
    }
    if (each > 0) return {false, fmt::format("set engine.max_context = {}", each)};
    if (tokens >= page)
      return {false, fmt::format("set engine.max_seqs = 1 and engine.max_context = {}", tokens / page * page)};
  }
  const uint64_t weights = usage.weights + usage.in_place;
  const uint64_t others = without_kv - weights;
  if (others >= question.available_bytes) {
    return {false, "lower engine.max_batch_tokens and engine.max_seqs: activations alone do not fit"};
  }
  // A tenth is left for a small cache.
  const double room = 0.9 * static_cast<double>(question.available_bytes - others);
  const double bits = question.bits_per_weight * room / static_cast<double>(std::max<uint64_t>(weights, 1));
  const auto* type = std::ranges::find_if(kTypes, [&](const auto& t) { return t.second <= bits; });
  if (type == kTypes.end() || type->second >= question.bits_per_weight) {
    return {false, fmt::format("use a model of {:.0f} % of its size, or another device",
                               100 * room / static_cast<double>(std::max<uint64_t>(weights, 1)))};
  }
  return {false, fmt::format("quantise it: `backplane quantize IN.gguf OUT.gguf {}` fits", type->first)};
}

}  // namespace bp
