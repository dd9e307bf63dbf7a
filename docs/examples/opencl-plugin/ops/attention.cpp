// Attention over pages, and over keys that lie one after another.
#include "work.h"

namespace bp::opencl {
namespace {

const char* set_scores(const RegionView& region, const Tensor& q, Work& work) {
  if (q.rank != 3 || !q.is_static_from(1)) return "q is not [tokens, heads, head_dim]";
  work.args.n[1] = q.dim[1];
  work.args.n[3] = q.dim[2];
  work.args.n[11] = region.attr_int("window", 0);
  work.args.n[12] = region.attr_int("causal", 1);
  work.args.f[0] = region.attr_float("scale", 1);
  work.args.f[1] = region.attr_float("softcap", 0);
  return nullptr;
}

// Buffers of the kernel: q, k, v, page table, seq_start, seq_len, mask, sinks, alibi, y.
void set_params(Work& work, std::initializer_list<int> slots) {
  int i = 0;
  for (const int slot : slots) work.param[i++] = slot;
  while (i < kParams) work.param[i++] = -1;
}

int64_t size_of_paged(const Work& work, const int64_t* dyn, Args& args) {
  args.n[6] = work.slot[3].size(0, dyn);
  args.n[7] = work.slot[3].size(1, dyn);
  args.n[13] = work.slot[6].present ? work.slot[6].size(1, dyn) : 0;
  return work.slot[0].sizes(0, 2, dyn);
}

const char* paged(const RegionView& region, const RowUser&, Work& work) {
  const Tensor &k = work.slot[1], &v = work.slot[2], &y = work.slot[11];
  if (k.rank != 4 || !k.is_static() || v.rank != 4 || !v.is_static()) return "the cache is dynamic";
  const bool latent = region.attr_int("v_dim", 0) > 0;  // v is the first columns of k
  if (!latent && k.dtype != v.dtype) return "k and v have two types";
  set_params(work, {0, 1, latent ? 1 : 2, 3, 4, 5, 6, 7, 8, 11});
  work.args.n[2] = k.dim[1];
  work.args.n[4] = y.dim[2];
  work.args.n[5] = latent ? k.dim[3] : v.dim[3];
  work.args.n[8] = k.dim[2];
  work.args.n[9] = k.dim[0];
  work.args.n[10] = k.dtype;
  work.size = size_of_paged;
  return set_scores(region, work.slot[0], work);
}

int64_t size_of_ragged(const Work& work, const int64_t* dyn, Args& args) {
  args.n[6] = work.slot[3].size(0, dyn) - 1;
  args.n[13] = work.slot[5].present ? work.slot[5].size(1, dyn) : 0;
  return work.slot[0].sizes(0, 2, dyn);
}

const char* ragged(const RegionView& region, const RowUser&, Work& work) {
  const Tensor &k = work.slot[1], &v = work.slot[2];
  if (k.rank != 3 || !k.is_static_from(1) || v.rank != 3 || !v.is_static_from(1)) return "heads are dynamic";
  if (k.dtype != v.dtype) return "k and v have two types";
  set_params(work, {0, 1, 2, -1, 3, 4, 5, 6, 7, 8});
  work.args.n[2] = k.dim[1];
  work.args.n[4] = work.args.n[5] = v.dim[2];
  work.args.n[10] = k.dtype;
  work.size = size_of_ragged;
  return set_scores(region, work.slot[0], work);
}

constexpr RowText kRows[] = {
    {"opencl.attention",
     "attention",
     "dtype(q)=f32; dtype(k)=f32|f16|bf16; has(k_scales)=0; has(v_scales)=0",
     nullptr,
     {"attention", paged, 0}},
    {"opencl.attention_ragged",
     "attention_ragged",
     "dtype(q)=f32; dtype(k)=f32|f16|bf16",
     nullptr,
     {"attention", ragged, 0}},
};

}  // namespace

std::span<const RowText> attention_rows() { return kRows; }

}  // namespace bp::opencl
