// Rotary positions and what is written to the KV cache.
#include "work.h"

namespace bp::opencl {
namespace {

// x [T, H, D] and freqs of the rope at `node`.
const char* set_rope(const RegionView& region, uint32_t node, const Tensor& x, const Tensor& freqs, Work& work) {
  if (x.rank != 3 || !x.is_static_from(1)) return "x is not [tokens, heads, head_dim]";
  if (!freqs.is_static()) return "freqs is dynamic";
  work.args.n[1] = x.dim[1];
  work.args.n[2] = x.dim[2];
  work.args.n[3] = region.attr_int("n_rot", 0, node);
  work.args.n[4] = region.attr_int("offset", 0, node);
  work.args.n[5] = region.attr_int("mode", 0, node);
  work.args.n[6] = freqs.rank == 2 ? freqs.dim[0] : 1;
  work.args.f[0] = region.attr_float("scale", 1, node);
  const bool fits = work.args.n[3] >= 0 && work.args.n[4] >= 0 && work.args.n[3] <= x.dim[2] - work.args.n[4];
  return fits && freqs.columns() * 2 == work.args.n[3] ? nullptr : "n_rot does not fit";
}

const char* set_cache(const Tensor& cache, Work& work) {
  if (cache.rank != 4 || !cache.is_static()) return "the cache is not [pages, heads, page, head_dim]";
  work.args.n[7] = cache.dim[0] * cache.dim[2];
  work.args.n[8] = cache.dim[2];
  work.args.n[9] = cache.dtype;
  return nullptr;
}

// An item for each head of each token of slot X.
template <int X>
int64_t per_head(const Work& work, const int64_t* dyn, Args&) {
  return work.slot[X].sizes(0, 2, dyn);
}

const char* rope(const RegionView& region, const RowUser&, Work& work) {
  work.size = per_head<0>;
  return set_rope(region, 0, work.slot[0], work.slot[2], work);
}

// cache, new, slots
const char* kv_write(const RegionView&, const RowUser&, Work& work) {
  const Tensor& x = work.slot[1];
  if (x.rank != 3 || !x.is_static_from(1)) return "new is not [tokens, heads, head_dim]";
  work.args.n[1] = x.dim[1];
  work.args.n[2] = x.dim[2];
  work.size = per_head<1>;
  return set_cache(work.slot[0], work);
}

// cache, k, positions, freqs, variant?, slots
const char* rope_kv_write(const RegionView& region, const RowUser&, Work& work) {
  work.size = per_head<1>;
  if (const char* why = set_cache(work.slot[0], work); why != nullptr) return why;
  return set_rope(region, 0, work.slot[1], work.slot[3], work);
}

// … and v's cache, v
int64_t size_of_both(const Work& work, const int64_t* dyn, Args& args) {
  args.n[10] = work.slot[1].sizes(0, 2, dyn);
  return args.n[10] + work.slot[7].sizes(0, 2, dyn);
}

const char* rope_kv_write_both(const RegionView& region, const RowUser& user, Work& work) {
  if (const char* why = rope_kv_write(region, user, work); why != nullptr) return why;
  const Tensor &cache = work.slot[6], &v = work.slot[7];
  if (cache.rank != 4 || !cache.is_static() || v.rank != 3 || !v.is_static_from(1))
    return "v's cache or heads are dynamic";
  work.args.n[11] = v.dim[1];
  work.args.n[12] = v.dim[2];
  work.args.n[13] = cache.dim[0] * cache.dim[2];
  work.args.n[14] = cache.dim[2];
  work.args.n[15] = cache.dtype;
  for (int i = 8; i < kParams; ++i) work.param[i] = -1;
  work.size = size_of_both;
  return nullptr;
}

// cache, page_table, k_start, scales, y
int64_t size_of_gather(const Work& work, const int64_t* dyn, Args& args) {
  args.n[3] = work.slot[2].size(0, dyn) - 1;
  args.n[4] = work.slot[1].size(1, dyn);
  return work.slot[4].elements(dyn);
}

const char* kv_gather(const RegionView&, const RowUser&, Work& work) {
  const Tensor& cache = work.slot[0];
  if (const char* why = set_cache(cache, work); why != nullptr) return why;
  work.args.n[1] = cache.dim[1];
  work.args.n[2] = cache.dim[3];
  work.args.n[5] = cache.dim[0];
  work.param[3] = 4;
  work.size = size_of_gather;
  return nullptr;
}

constexpr RowText kRows[] = {
    {"opencl.rope", "rope", "dtype(x)=f32; dtype(freqs)=f32", "out=x", {"rope", rope, 0}},
    {"opencl.kv_write",
     "kv_write",
     "dtype(new)=f32; dtype(cache)=f32|f16|bf16; has(scales)=0",
     nullptr,
     {"kv_write", kv_write, 0}},
    {"opencl.rope_kv_write",
     "(kv_write ?cache (rope ?k ?pos ?f ?variant*) ?slots)",
     "dtype(k)=f32; dtype(f)=f32; dtype(cache)=f32|f16|bf16",
     nullptr,
     {"rope_kv_write", rope_kv_write, 0}},
    // Keys and values of a layer at once: Backplane has no name for it.
    {"opencl.rope_kv_write_both",
     "(tuple (kv_write ?kc (rope ?k ?pos ?f ?variant*) ?slots) (kv_write ?vc ?v ?slots))",
     "dtype(k)=f32; dtype(f)=f32; dtype(v)=f32; dtype(kc)=f32|f16|bf16; dtype(vc)=f32|f16|bf16",
     nullptr,
     {"rope_kv_write_both", rope_kv_write_both, 0}},
    {"opencl.kv_gather",
     "kv_gather",
     "dtype(cache)=f32|f16|bf16; dtype(out)=f32; has(scales)=0",
     nullptr,
     {"kv_gather", kv_gather, 0}},
};

}  // namespace

std::span<const RowText> rope_rows() { return kRows; }

}  // namespace bp::opencl
