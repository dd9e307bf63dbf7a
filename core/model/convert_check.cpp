#include "model/convert_check.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "model/gguf_reader.h"

namespace bp {
namespace {

// float32, in which GGUF keeps numbers.
bool close(double a, double b) { return std::fabs(a - b) <= 1e-5 * std::max(std::fabs(a), std::fabs(b)); }

bool same_rope(const RopeConfig& a, const RopeConfig& b) {
  if (a.n_rot != b.n_rot) return false;
  const RopeTable from = compute_rope(a), to = compute_rope(b);
  if (from.n_variants != to.n_variants || !close(from.attention_factor, to.attention_factor)) return false;
  if (from.n_variants > 1 && a.original_context != b.original_context) return false;
  for (size_t i = 0; i < from.inv_freq.size(); ++i) {
    if (!close(static_cast<double>(from.inv_freq[i]), static_cast<double>(to.inv_freq[i]))) return false;
  }
  return true;
}

// What the first difference is about; empty: none.
std::string_view size_difference(const ModelConfig& a, const ModelConfig& b) {
  if (a.n_layers != b.n_layers || a.hidden != b.hidden || a.ffn != b.ffn || a.context != b.context) return "its sizes";
  if (a.n_heads != b.n_heads || a.n_kv_heads != b.n_kv_heads || a.head_dim != b.head_dim ||
      a.v_head_dim != b.v_head_dim) {
    return "its heads";
  }
  if (a.latent.kv_rank != b.latent.kv_rank || a.latent.q_rank != b.latent.q_rank ||
      a.latent.nope_dim != b.latent.nope_dim || a.latent.rope_dim != b.latent.rope_dim) {
    return "its latent attention";
  }
  return {};
}

std::string_view attention_difference(const ModelConfig& a, const ModelConfig& b) {
  if (a.windows != b.windows) return "its windows";
  if (!close(a.attention_scale, b.attention_scale) || a.scale_by_layer != b.scale_by_layer)
    return "its attention scale";
  if (!close(a.attention_softcap, b.attention_softcap) || !close(a.logit_softcap, b.logit_softcap))
    return "its soft caps";
  if (a.positions != b.positions) return "its positions";
  if (a.has_local_rope != b.has_local_rope) return "its rotations";
  if (a.rope.type == RopeType::kDynamic)
    return "its dynamic rope (rope_scaling: frequencies that change with the length of the text)";
  if (a.positions == Positions::kRope && !same_rope(a.rope, b.rope)) return "its scaled rotation";
  if (a.has_local_rope && !same_rope(a.local_rope, b.local_rope)) return "the rotation of its layers with a window";
  return {};
}

std::string_view expert_difference(const ExpertConfig& a, const ExpertConfig& b) {
  if (a.n_experts != b.n_experts) return "its experts";
  if (a.n_experts == 0) return {};
  const bool same = a.n_used == b.n_used && a.ffn == b.ffn && a.shared_ffn == b.shared_ffn &&
                    a.shared_gate == b.shared_gate && a.layers == b.layers && a.gate == b.gate &&
                    a.normalize == b.normalize && close(a.scale, b.scale) && a.n_groups == b.n_groups &&
                    a.n_groups_used == b.n_groups_used && (a.n_groups == 1 || a.group_by_top2 == b.group_by_top2);
  if (!same) return "the routing of its experts";
  const bool same_swiglu = close(a.swiglu_alpha, b.swiglu_alpha) && close(a.swiglu_limit, b.swiglu_limit);
  return same_swiglu ? std::string_view() : "the constants of its experts' activation (swiglu_alpha, swiglu_limit)";
}

std::string_view difference(const ModelConfig& a, const ModelConfig& b) {
  for (const std::string_view found :
       {size_difference(a, b), attention_difference(a, b), expert_difference(a.experts, b.experts)}) {
    if (!found.empty()) return found;
  }
  if (!close(a.norm_eps, b.norm_eps)) return "the epsilon of its norms";
  if (a.activation != b.activation) return "its activation";
  if (a.parallel != b.parallel) return "its residual stream";
  if (!close(a.embedding_scale, b.embedding_scale) || !close(a.residual_scale, b.residual_scale) ||
      !close(a.logit_scale, b.logit_scale)) {
    return "its factors";
  }
  if (a.pooling != b.pooling || a.normalize_embedding != b.normalize_embedding) return "its pooling";
  return {};
}

template <class T>
void put(std::string& out, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  out.append(raw, sizeof(T));
}

}  // namespace

Result<bool> check_written(const ModelConfig& config, const GgufConfig& written, const std::string& where) {
  std::string file = "GGUF";
  put<uint32_t>(file, 3);
  put<uint64_t>(file, 0);
  put<uint64_t>(file, written.entries.size());
  file += written.entries.bytes();
  BP_TRY(const GgufShard shard, read_gguf(std::as_bytes(std::span(file)), where));
  BP_TRY(ModelConfig back, read_gguf_config(shard.metadata));
  for (const ConfigTensor& tensor : written.tensors) {
    if (tensor.name == "rope_factors_long.weight") {
      back.rope.type = RopeType::kLongrope;
      back.rope.long_divisors = tensor.values;
    } else {
      back.rope.divisors = tensor.values;
    }
  }
  BP_TRY_VOID(check_config(back, where));
  const std::string_view differs = difference(config, back);
  if (differs.empty() && (back.rope.interleaved || !config.rope.interleaved)) {
    const bool interleaves = back.rope.interleaved && !config.rope.interleaved;
    if (!interleaves || config.latent.kv_rank == 0) return interleaves;
  }
  return fail(ErrorCode::kUnsupported, where,
              fmt::format("GGUF cannot express {}", differs.empty() ? "the order of its rotated columns" : differs),
              "run the model from its folder");
}

}  // namespace bp
