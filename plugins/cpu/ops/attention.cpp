#include "kernels/attention.h"

#include <cstring>

#include "ops/attention_work.h"
#include "ops/tuned_row.h"

namespace bp::cpu {
namespace {

// What tuning chooses among, the heuristic's choice first. A row's results have the same bits with all of them.
constexpr int64_t kBlockRows[] = {0, 24, 48, 96};     // that share each block of keys; 0: by the width of a head
constexpr int64_t kItemsPerThread[] = {4, 2, 8, 16};  // fewer are divided by their keys, too

constexpr bp_tunable kTunables[] = {tunable("block_rows", kBlockRows), tunable("items_per_thread", kItemsPerThread)};

// What both ops share: how scores are made, and rows of no sequence.
class AttentionOp : public Op {
 public:
  void configure(const int64_t* config) override {
    if (config != nullptr) division_ = {config[0], config[1]};
  }
  uint64_t ws_bytes() const override { return work_.ws_bytes(); }

 protected:
  struct Optional {
    Tensor mask;
    uint32_t first;  // slot of mask; sinks and alibi come after it
  };

  const char* init_query(const RegionView& region, uint32_t first_optional) {
    q_ = region.slot(0);
    optional_ = {region.slot(first_optional), first_optional};
    if (q_.rank != 3 || !q_.is_static(1) || !q_.is_static(2)) return "q is not [tokens, heads, head_dim]";
    a_.n_heads = q_.dim[1];
    a_.head_dim = q_.dim[2];
    a_.scale = region.attr_float("scale", 1);
    a_.softcap = region.attr_float("softcap", 0);
    a_.window = region.attr_int("window", 0);
    a_.causal = region.attr_int("causal", 1) != 0;
    return nullptr;
  }

  const char* init_keys(const Tensor& k, const Tensor& v, uint32_t head_axis) {
    if (k.dtype != v.dtype || !is_plain_float(k.dtype)) return "k and v are not both f32, f16 or bf16";
    a_.kv_dtype = k.dtype;
    a_.n_kv_heads = k.dim[head_axis];
    if (a_.n_kv_heads <= 0 || a_.n_heads % a_.n_kv_heads != 0) return "the kv heads do not divide the heads";
    return k.columns() == a_.head_dim ? nullptr : "k does not fit q";
  }

  AttentionArgs arguments(const OpRun& run, uint32_t y_slot) const {
    AttentionArgs a = a_;
    a.q = run.arg<const float>(0);
    a.k = run.args[1];
    a.v = run.args[2];
    a.mask = run.arg<const float>(optional_.first);
    a.sinks = run.arg<const float>(optional_.first + 1);
    a.alibi = run.arg<const float>(optional_.first + 2);
    a.mask_cols = optional_.mask.present ? optional_.mask.size(1, run.dyn) : 0;
    a.y = run.arg<float>(y_slot);
    return a;
  }

  void attend(const OpRun& run, const AttentionArgs& a, int64_t n_seqs) const {
    const int64_t row = a.n_heads * a.v_dim;
    const int64_t used = n_seqs > 0 ? a.seq_start[n_seqs] : 0;
    const int64_t n_tokens = q_.size(0, run.dyn);
    if (used < n_tokens) {
      std::memset(a.y + used * row, 0, static_cast<uint64_t>((n_tokens - used) * row) * sizeof(float));
    }
    work_.run(run, a, n_seqs);
  }

  AttentionArgs a_{};  // what a launch does not change
  Tensor q_;
  Optional optional_{};
  AttentionWork work_;
  AttentionWork::Division division_{kBlockRows[0], kItemsPerThread[0]};
};

class PagedAttentionOp final : public AttentionOp {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    if (const char* why = init_query(region, kMask); why != nullptr) return why;
    page_table_ = region.slot(kPageTable);
    const Tensor k = region.slot(kK);
    const Tensor v = region.slot(kV);
    for (uint32_t i = 0; i < 4; ++i) {
      if (!k.is_static(i) || !v.is_static(i)) return "the cache is dynamic";
    }
    if (const char* why = init_keys(k, v, 1); why != nullptr) return why;
    a_.n_pages = k.dim[0];
    a_.page_size = k.dim[2];
    const int64_t v_dim = region.attr_int("v_dim", 0);
    a_.v_dim = v_dim > 0 ? v_dim : v.dim[3];
    if (a_.v_dim > v.dim[3] || a_.page_size <= 0) return "the cache does not fit q";
    a_.k_stride = strides(k);
    a_.v_stride = strides(v);
    work_.init(target, a_.head_dim, a_.v_dim, page_table_.dim[0], division_);
    return nullptr;
  }

  void run(const OpRun& run) const override {
    AttentionArgs a = arguments(run, kY);
    a.page_table = run.arg<const int32_t>(kPageTable);
    a.seq_start = run.arg<const int32_t>(kSeqStart);
    a.seq_len = run.arg<const int32_t>(kSeqLen);
    a.max_pages = page_table_.size(1, run.dyn);
    attend(run, a, page_table_.size(0, run.dyn));
  }

 private:
  // As the op names them.
  enum : uint32_t { kQ, kK, kV, kPageTable, kSeqStart, kSeqLen, kMask, kSinks, kAlibi, kKScales, kVScales, kY };

  // Of a cache [pages, heads, page, row].
  static AttentionStrides strides(const Tensor& cache) {
    const auto row = bytes_of(cache.dtype, cache.dim[3]);
    return {cache.dim[1] * cache.dim[2] * row, cache.dim[2] * row, row};
  }

  Tensor page_table_;
};

class RaggedAttentionOp final : public AttentionOp {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    if (const char* why = init_query(region, kMask); why != nullptr) return why;
    q_start_ = region.slot(kQStart);
    const Tensor k = region.slot(kK);
    const Tensor v = region.slot(kV);
    for (uint32_t i = 1; i < 3; ++i) {
      if (!k.is_static(i) || !v.is_static(i)) return "the heads of k or v are dynamic";
    }
    if (const char* why = init_keys(k, v, 1); why != nullptr) return why;
    a_.v_dim = v.dim[2];
    a_.k_stride = strides(k);
    a_.v_stride = strides(v);
    work_.init(target, a_.head_dim, a_.v_dim, q_start_.dim[0], division_);
    return nullptr;
  }

  void run(const OpRun& run) const override {
    AttentionArgs a = arguments(run, kY);
    a.seq_start = run.arg<const int32_t>(kQStart);
    a.k_start = run.arg<const int32_t>(kKStart);
    attend(run, a, q_start_.size(0, run.dyn) - 1);
  }

 private:
  enum : uint32_t { kQ, kK, kV, kQStart, kKStart, kMask, kSinks, kAlibi, kY };

  // Of tokens [n, heads, row].
  static AttentionStrides strides(const Tensor& x) {
    const auto row = bytes_of(x.dtype, x.dim[2]);
    return {0, row, x.dim[1] * row};
  }

  Tensor q_start_;
};

constexpr bp_kernel kRows[] = {
    tuned(row<PagedAttentionOp>({.id = "cpu.attention",
                                 .pattern = "attention",
                                 .where = "dtype(q)=f32; dtype(k)=f32|f16|bf16; has(k_scales)=0; has(v_scales)=0"}),
          kTunables),
    tuned(row<RaggedAttentionOp>({.id = "cpu.attention_ragged",
                                  .pattern = "attention_ragged",
                                  .where = "dtype(q)=f32; dtype(k)=f32|f16|bf16"}),
          kTunables),
};

}  // namespace

std::span<const bp_kernel> attention_rows() { return kRows; }

}  // namespace bp::cpu
