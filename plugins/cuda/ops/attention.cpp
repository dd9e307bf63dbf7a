// Attention, paged and ragged, and what writes and reads the pages.
#include "portable/attention.h"

#include "ops/rows.h"

namespace bp::cuda {
namespace {

// What both ops share.
class AttentionOp : public Op {
 protected:
  const char* init_query(const RegionView& region, uint32_t mask_slot) {
    mask_slot_ = mask_slot;
    q_ = region.slot(0);
    k_ = region.slot(1);
    v_ = region.slot(2);
    mask_ = region.slot(mask_slot);
    has_sinks_ = region.slot(mask_slot + 1).present;
    has_alibi_ = region.slot(mask_slot + 2).present;
    if (q_.rank != 3 || !q_.is_static(1) || !q_.is_static(2)) return "q is not [tokens, heads, head_dim]";
    if (k_.rank != v_.rank || k_.dtype != v_.dtype || !is_plain_float(k_.dtype))
      return "k and v are not both f32, f16 or bf16";
    if (k_.n_dynamic(1, k_.rank) > 0 || v_.n_dynamic(1, v_.rank) > 0) return "the heads of k or v are dynamic";
    if (k_.dim[1] <= 0 || q_.dim[1] % k_.dim[1] != 0) return "the kv heads do not divide the heads";
    if (k_.columns() != q_.columns()) return "k does not fit q";
    a_.kv_dtype = k_.dtype;
    a_.heads = q_.dim[1];
    a_.kv_heads = k_.dim[1];
    a_.head_dim = q_.dim[2];
    a_.v_row = v_.columns();
    a_.v_dim = a_.v_row;
    a_.scale = region.attr_float("scale", 1);
    a_.softcap = region.attr_float("softcap", 0);
    a_.window = region.attr_int("window", 0);
    a_.causal = region.attr_int("causal", 1) != 0;
    return nullptr;
  }
  const char* check_values() const {
    if (a_.v_dim > a_.v_row) return "v_dim does not fit v";
    return a_.v_dim > gpu::kMostValueColumns ? "values of more than 1024 columns" : nullptr;
  }

  gpu::AttentionArgs arguments(const OpRun& run, uint32_t y_slot) const {
    gpu::AttentionArgs a = a_;
    a.q = run.arg<const float>(0);
    a.k = run.args[1];
    a.v = run.args[2];
    a.tokens = run.extent(q_, 0);
    if (mask_.present) {
      a.mask = run.arg<const float>(mask_slot_);
      a.mask_columns = run.extent(mask_, 1);
    }
    if (has_sinks_) a.sinks = run.arg<const float>(mask_slot_ + 1);
    if (has_alibi_) a.alibi = run.arg<const float>(mask_slot_ + 2);
    a.y = run.arg<float>(y_slot);
    return a;
  }

  gpu::AttentionArgs a_{};  // what a launch does not change
  Tensor q_, k_, v_, mask_;
  uint32_t mask_slot_ = 0;
  bool has_sinks_ = false, has_alibi_ = false;
};

class PagedAttentionOp final : public AttentionOp {
 public:
  const char* init(const RegionView& region, const void*) override {
    if (const char* why = init_query(region, kMask); why != nullptr) return why;
    if (k_.rank != 4 || !k_.is_static(0) || !v_.is_static(0)) return "the cache is dynamic";
    page_table_ = region.slot(kPageTable);
    seq_start_ = region.slot(kSeqStart);
    a_.n_pages = k_.dim[0];
    a_.page = k_.dim[2];
    if (const int64_t v_dim = region.attr_int("v_dim", 0); v_dim > 0) a_.v_dim = v_dim;
    return a_.page > 0 ? check_values() : "pages of no tokens";
  }

  void run(const OpRun& run) const override {
    gpu::AttentionArgs a = arguments(run, kY);
    a.page_table = run.arg<const int32_t>(kPageTable);
    a.max_pages = run.extent(page_table_, 1);
    a.seq_start = run.arg<const int32_t>(kSeqStart);
    a.n_starts = run.extent(seq_start_, 0);
    a.seq_len = run.arg<const int32_t>(kSeqLen);
    gpu::attention(run.at, a);
  }

 private:
  // As the op names them.
  enum : uint32_t { kQ, kK, kV, kPageTable, kSeqStart, kSeqLen, kMask, kSinks, kAlibi, kKScales, kVScales, kY };
  Tensor page_table_, seq_start_;
};

class RaggedAttentionOp final : public AttentionOp {
 public:
  const char* init(const RegionView& region, const void*) override {
    if (const char* why = init_query(region, kMask); why != nullptr) return why;
    if (k_.rank != 3) return "k is not [tokens, heads, head_dim]";
    q_start_ = region.slot(kQStart);
    return check_values();
  }

  void run(const OpRun& run) const override {
    gpu::AttentionArgs a = arguments(run, kY);
    a.seq_start = run.arg<const int32_t>(kQStart);
    a.n_starts = run.extent(q_start_, 0);
    a.k_start = run.arg<const int32_t>(kKStart);
    a.n_keys = run.extent(k_, 0);
    gpu::attention(run.at, a);
  }

 private:
  enum : uint32_t { kQ, kK, kV, kQStart, kKStart, kMask, kSinks, kAlibi, kY };
  Tensor q_start_;
};

// A cache [pages, heads, page, head_dim] of f32, f16 or bf16.
const char* init_cache(const Tensor& cache) {
  if (cache.rank != 4 || !cache.is_static()) return "the cache is not [pages, heads, page, head_dim] of fixed size";
  return is_plain_float(cache.dtype) && cache.dim[2] > 0 ? nullptr : "the cache is not f32, f16 or bf16";
}
gpu::Cache cache_of(const Tensor& cache, void* data) {
  return {data, cache.dtype, cache.dim[0], cache.dim[1], cache.dim[2], cache.dim[3]};
}

// Slots cache, new, slots.
class KvWriteOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    cache_ = region.slot(0);
    slots_ = region.slot(2);
    return init_cache(cache_);
  }
  void run(const OpRun& run) const override {
    gpu::kv_write(run.at, {cache_of(cache_, run.args[0]), run.arg<const float>(1), run.arg<const int32_t>(2),
                           run.extent(slots_, 0)});
  }

 private:
  Tensor cache_, slots_;
};

// Slots cache, page_table, k_start, scales, y.
class KvGatherOp final : public Op {
 public:
  const char* init(const RegionView& region, const void*) override {
    cache_ = region.slot(0);
    page_table_ = region.slot(1);
    k_start_ = region.slot(2);
    y_ = region.slot(kY);
    if (!is_plain_float(y_.dtype)) return "the result is not f32, f16 or bf16";
    return init_cache(cache_);
  }
  void run(const OpRun& run) const override {
    gpu::KvGatherArgs args{};
    args.cache = cache_of(cache_, run.args[0]);
    args.page_table = run.arg<const int32_t>(1);
    args.k_start = run.arg<const int32_t>(2);
    args.y = run.args[kY];
    args.y_dtype = y_.dtype;
    args.rows = run.extent(y_, 0);
    args.n_starts = run.extent(k_start_, 0);
    args.max_pages = run.extent(page_table_, 1);
    gpu::kv_gather(run.at, args);
  }

 private:
  static constexpr uint32_t kY = 4;
  Tensor cache_, page_table_, k_start_, y_;
};

constexpr bp_kernel kRows[] = {
    row<PagedAttentionOp>({.id = "cuda.attention",
                           .pattern = "attention",
                           .where = "dtype(q)=f32; dtype(k)=f32|f16|bf16; has(k_scales)=0; has(v_scales)=0"}),
    row<RaggedAttentionOp>(
        {.id = "cuda.attention_ragged", .pattern = "attention_ragged", .where = "dtype(q)=f32; dtype(k)=f32|f16|bf16"}),
    row<KvWriteOp>({.id = "cuda.kv_write",
                    .pattern = "kv_write",
                    .where = "dtype(new)=f32; dtype(cache)=f32|f16|bf16; has(scales)=0"}),
    row<KvGatherOp>(
        {.id = "cuda.kv_gather", .pattern = "kv_gather", .where = "dtype(cache)=f32|f16|bf16; has(scales)=0"}),
};

}  // namespace

std::span<const bp_kernel> attention_rows() { return kRows; }

}  // namespace bp::cuda
