#include "ops/rope_op.h"

#include <cstring>

namespace bp::cpu {

const char* RopePlan::init(const RegionView& region, const OpTarget& target, uint32_t node) {
  avx512_ = target.avx512;
  x_ = region.operand(node, 0);
  const Tensor freqs = region.operand(node, 2);
  if (x_.rank != 3 || !x_.is_static(1) || !x_.is_static(2)) return "x is not [tokens, heads, head_dim]";
  if (freqs.dtype != BP_DT_F32 || freqs.columns() < 0) return "freqs is not f32 of a static size";
  shape_.n_heads = x_.dim[1];
  shape_.head_dim = x_.dim[2];
  shape_.n_rot = region.attr_int("n_rot", 0, node);
  shape_.offset = region.attr_int("offset", 0, node);
  shape_.interleaved = region.attr_int("mode", 0, node) != 0;
  shape_.scale = region.attr_float("scale", 1, node);
  const bool inside = shape_.n_rot >= 0 && shape_.offset >= 0 && shape_.n_rot <= shape_.head_dim - shape_.offset;
  if (!inside || shape_.n_rot % 2 != 0 || freqs.columns() != shape_.n_rot / 2) return "n_rot does not fit";
  if (freqs.rank == 2 && !freqs.is_static(0)) return "freqs is dynamic";
  n_variants_ = freqs.rank == 2 ? freqs.dim[0] : 1;
  return nullptr;
}

void RopePlan::rotate(const Inputs& in, int64_t token, float* angles, float* y) const {
  const float* x = in.x + token * shape_.n_heads * shape_.head_dim;
  const int64_t variant = in.variant == nullptr ? 0 : in.variant[token];
  if (variant < 0 || variant >= n_variants_) {
    if (x != y) std::memcpy(y, x, static_cast<uint64_t>(shape_.n_heads * shape_.head_dim) * sizeof(float));
    return;
  }
  const int64_t half = shape_.n_rot / 2;
  const auto angles_of = avx512_ ? avx512::rope_angles : avx2::rope_angles;
  const auto rotate_heads = avx512_ ? avx512::rope_rotate : avx2::rope_rotate;
  angles_of(static_cast<float>(in.positions[token]), in.freqs + variant * half, half, shape_.scale, angles,
            angles + half);
  rotate_heads(shape_, angles, angles + half, x, y);
}

}  // namespace bp::cpu
