#include "kernels/convert.h"
#include "ops/rope_op.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

// A cache [P, Hk, page, D] of f32, f16 or bf16, and how a token's heads go into it.
class CacheRows {
 public:
  const char* init(const Tensor& cache, const OpTarget& target) {
    avx512_ = target.avx512;
    dtype_ = cache.dtype;
    if (cache.rank != 4) return "the cache is not [pages, heads, page, head_dim]";
    for (uint32_t i = 0; i < 4; ++i) {
      if (!cache.is_static(i)) return "the cache is dynamic";
    }
    n_pages_ = cache.dim[0];
    n_heads_ = cache.dim[1];
    page_ = cache.dim[2];
    head_dim_ = cache.dim[3];
    return is_plain_float(dtype_) ? nullptr : "the cache is not f32, f16 or bf16";
  }

  bool holds(int64_t slot) const { return slot >= 0 && slot < n_pages_ * page_; }

  // x is [n_heads, head_dim].
  void write(std::byte* cache, int64_t slot, const float* x) const {
    const auto convert = avx512_ ? avx512::row_from_f32 : avx2::row_from_f32;
    const int64_t bytes = bytes_of(dtype_, head_dim_);
    for (int64_t h = 0; h < n_heads_; ++h) {
      const int64_t row = (slot / page_ * n_heads_ + h) * page_ + slot % page_;
      convert(dtype_, x + h * head_dim_, cache + row * bytes, head_dim_);
    }
  }

 private:
  int64_t n_pages_ = 0;
  int64_t n_heads_ = 0;
  int64_t page_ = 1;
  int64_t head_dim_ = 0;
  uint16_t dtype_ = 0;
  bool avx512_ = false;
};

// kv_write(cache, new, slots)
class KvWriteOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    if (region.slot(3).present) return "caches with scales are not for this row";
    slots_ = region.slot(2);
    row_elements_ = region.slot(1).bounds(1, 3);
    return cache_.init(region.slot(0), target);
  }

  void run(const OpRun& run) const override {
    const auto* x = run.arg<const float>(1);
    const auto* slots = run.arg<const int32_t>(2);
    // Tokens may share no slot, so pieces never write the same row.
    for_ranges(run, slots_.size(0, run.dyn), row_elements_, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        if (cache_.holds(slots[t])) cache_.write(run.args[0], slots[t], x + t * row_elements_);
      }
    });
  }

 private:
  CacheRows cache_;
  Tensor slots_;
  int64_t row_elements_ = 0;
};

// kv_write(cache, rope(k, positions, freqs, variant?), slots)      slots cache, k, positions, freqs, variant, slots
class RopeKvWriteOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    n_threads_ = target.n_threads;
    if (const char* why = rope_.init(region, target, 0); why != nullptr) return why;
    return cache_.init(region.slot(0), target);
  }

  uint64_t ws_bytes() const override {
    return static_cast<uint64_t>(n_threads_) * static_cast<uint64_t>(piece_floats()) * sizeof(float);
  }

  void run(const OpRun& run) const override {
    const RopePlan::Inputs in{run.arg<const float>(1), run.arg<const int32_t>(2), run.arg<const float>(3),
                              run.arg<const int32_t>(4)};
    const auto* slots = run.arg<const int32_t>(5);
    const int64_t row = rope_.n_heads() * rope_.head_dim();
    for_pieces(run, rope_.n_tokens(run), row, [&](int64_t piece, int64_t begin, int64_t end) {
      float* angles = reinterpret_cast<float*>(run.ws) + piece * piece_floats();
      float* rotated = angles + rope_.angle_floats();
      for (int64_t t = begin; t < end; ++t) {
        if (!cache_.holds(slots[t])) continue;
        rope_.rotate(in, t, angles, rotated);
        cache_.write(run.args[0], slots[t], rotated);
      }
    });
  }

 private:
  int64_t piece_floats() const { return rope_.angle_floats() + (rope_.n_heads() * rope_.head_dim() + 15) / 16 * 16; }

  RopePlan rope_;
  CacheRows cache_;
  int64_t n_threads_ = 1;
};

constexpr bp_kernel kRows[] = {
    row<KvWriteOp>({.id = "cpu.kv_write",
                    .pattern = "kv_write",
                    .where = "dtype(new)=f32; dtype(cache)=f32|f16|bf16; has(scales)=0"}),
    row<RopeKvWriteOp>({.id = "cpu.rope_kv_write",
                        .pattern = "(kv_write ?cache (rope ?k ?pos ?f ?variant*) ?slots)",
                        .where = "dtype(k)=f32; dtype(cache)=f32|f16|bf16"}),
};

}  // namespace

std::span<const bp_kernel> kv_write_rows() { return kRows; }

}  // namespace bp::cpu
