#include "model/arch/encoder.h"

#include <cmath>
#include <cstring>

namespace bp {
namespace {

constexpr std::string_view kNormalizer = "normalize.weight";  // [hidden] f32, each 1/√hidden

}  // namespace

ValueId attention_both_ways(DecoderBuilder& b, ValueId q, ValueId k, ValueId v) {
  return b.graph().op("attention_ragged", {q, k, v, b.seq_start(), b.seq_start()},
                      {{"scale", b.config().attention_scale}, {"causal", int64_t{0}}});
}

ValueId pool(DecoderBuilder& b, ValueId x) {
  const ModelConfig& c = b.config();
  GraphBuilder& g = b.graph();
  g.push_scope("pool");
  if (b.act_dtype() != DType::kF32) x = g.op("cast", {x}, {{"dtype", static_cast<int64_t>(DType::kF32)}});
  ValueId y =
      c.pooling == Pooling::kMean ? g.op("segment_mean", {x, b.seq_start()}) : g.gather_rows(x, b.pooled_rows());
  // x / ‖x‖ = rms_norm(x) / √hidden; zeros stay zeros.
  if (c.normalize_embedding) y = g.rms_norm(y, b.weight(kNormalizer, {c.hidden}), 1e-24);
  g.pop_scope();
  return y;
}

Status make_normalizer(const ModelConfig& config, Weights& weights) {
  if (!config.normalize_embedding) return {};
  BP_TRY(const auto bytes, weights.make(std::string(kNormalizer), DType::kF32, {config.hidden}));
  const auto value = static_cast<float>(1 / std::sqrt(static_cast<double>(config.hidden)));
  for (size_t at = 0; at < bytes.size(); at += sizeof(value)) std::memcpy(bytes.data() + at, &value, sizeof(value));
  return {};
}

}  // namespace bp
