// Rows of sequences: their mean, and their first tokens out of the cache.
#include <algorithm>
#include <cstring>

#include "kernels/convert.h"
#include "kernels/elementwise.h"
#include "ops/rows.h"

namespace bp::cpu {
namespace {

// y[s] = the mean of rows seq_start[s] .. seq_start[s+1] - 1; zeros of none.
class SegmentMeanOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    x_ = region.slot(0);
    seq_start_ = region.slot(1);
    return x_.rank != 2 || x_.columns() < 0 ? "x is not [tokens, hidden]" : nullptr;
  }

  // Threads divide the columns: sequences may be few and unequal.
  void run(const OpRun& run) const override {
    const int64_t hidden = x_.columns();
    const int64_t n_rows = x_.size(0, run.dyn);
    const int64_t n_seqs = seq_start_.size(0, run.dyn) - 1;
    const auto* start = run.arg<const int32_t>(1);
    const auto add_scaled = avx512_ ? avx512::add_scaled : avx2::add_scaled;
    const auto binary = avx512_ ? avx512::binary : avx2::binary;
    for_ranges(run, hidden, n_rows, [&](int64_t begin, int64_t end) {
      for (int64_t s = 0; s < n_seqs; ++s) {
        const auto count = static_cast<float>(std::max(start[s + 1] - start[s], 1));
        float* y = run.arg<float>(2) + s * hidden + begin;
        std::memset(y, 0, static_cast<uint64_t>(end - begin) * sizeof(float));
        for (int64_t row = start[s]; row < start[s + 1]; ++row) {
          add_scaled(1.0f, run.arg<const float>(0) + row * hidden + begin, y, end - begin);
        }
        binary(Binary::kDiv, {y, &count, y, 1, 0}, end - begin);
      }
    });
  }

 private:
  Tensor x_;
  Tensor seq_start_;
  bool avx512_ = false;
};

// Rows k_start[s] .. k_start[s+1] - 1 of y [n_rows, Hk, D] are the first tokens of sequence s; others, and tokens of
// pages that are not there, give zeros.
class KvGatherOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    cache_ = region.slot(0);
    page_table_ = region.slot(1);
    y_ = region.slot(kY);
    for (uint32_t i = 0; i < 4; ++i) {
      if (!cache_.is_static(i)) return "the cache is dynamic";
    }
    if (!is_plain_float(cache_.dtype) || !is_plain_float(y_.dtype)) return "not f32, f16 or bf16";
    return cache_.dtype == y_.dtype || y_.dtype == BP_DT_F32 ? nullptr : "the result is neither f32 nor as the cache";
  }

  void run(const OpRun& run) const override {
    const auto* start = run.arg<const int32_t>(2);
    const int64_t n_seqs = page_table_.size(0, run.dyn);
    const int64_t n_rows = y_.size(0, run.dyn);
    const int64_t row_bytes_out = cache_.dim[1] * out_bytes();
    for_ranges(run, n_rows, cache_.dim[1] * cache_.dim[3], [&](int64_t begin, int64_t end) {
      std::memset(run.args[kY] + begin * row_bytes_out, 0, static_cast<uint64_t>((end - begin) * row_bytes_out));
      for (int64_t s = 0; s < n_seqs; ++s) {
        const int64_t last = std::min<int64_t>(start[s + 1], end);
        for (int64_t row = std::max<int64_t>(start[s], begin); row < last; ++row) copy_token(run, s, row, start[s]);
      }
    });
  }

 private:
  static constexpr uint32_t kY = 4;

  int64_t out_bytes() const { return bytes_of(y_.dtype, cache_.dim[3]); }

  void copy_token(const OpRun& run, int64_t seq, int64_t row, int64_t start) const {
    const int64_t n_heads = cache_.dim[1];
    const int64_t page = cache_.dim[2];
    const int64_t max_pages = page_table_.size(1, run.dyn);
    const int64_t slot = (row - start) / page;
    if (slot >= max_pages) return;
    const int64_t id = run.arg<const int32_t>(1)[seq * max_pages + slot];
    if (id < 0 || id >= cache_.dim[0]) return;
    const auto in_bytes = bytes_of(cache_.dtype, cache_.dim[3]);
    for (int64_t head = 0; head < n_heads; ++head) {
      const std::byte* x = run.args[0] + ((id * n_heads + head) * page + (row - start) % page) * in_bytes;
      std::byte* y = run.args[kY] + (row * n_heads + head) * out_bytes();
      if (cache_.dtype == y_.dtype) {
        std::memcpy(y, x, static_cast<uint64_t>(in_bytes));
      } else {
        const auto convert = avx512_ ? avx512::row_to_f32 : avx2::row_to_f32;
        convert(cache_.dtype, x, reinterpret_cast<float*>(y), cache_.dim[3]);
      }
    }
  }

  Tensor cache_;
  Tensor page_table_;
  Tensor y_;
  bool avx512_ = false;
};

constexpr bp_kernel kRows[] = {
    row<SegmentMeanOp>({.id = "cpu.segment_mean", .pattern = "segment_mean", .where = "dtype(x)=f32"}),
    row<KvGatherOp>(
        {.id = "cpu.kv_gather", .pattern = "kv_gather", .where = "dtype(cache)=f32|f16|bf16; has(scales)=0"}),
};

}  // namespace

std::span<const bp_kernel> segment_rows() { return kRows; }

}  // namespace bp::cpu
