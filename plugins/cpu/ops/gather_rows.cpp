#include <cstring>

#include "kernels/convert.h"
#include "ops/rows.h"
#include "weight_layout.h"

namespace bp::cpu {
namespace {

// y[i] = table[rows[i]] as f32; rows outside the table give zeros.
class GatherRowsOp : public Op {
 public:
  const char* init(const RegionView& region, const OpTarget& target, const void*) override {
    avx512_ = target.avx512;
    table_ = region.slot(0);
    rows_ = region.slot(1);
    for (uint32_t i = 1; i < table_.rank; ++i) {
      if (!table_.is_static(i)) return "a row of the table is dynamic";
    }
    row_elements_ = table_.bounds(1, table_.rank);
    format_ = format_of_dtype(table_.dtype);
    if (!format_.has_value()) return "the table's dtype is not read by this plugin";
    if (is_block_format(*format_) && table_.columns() % block_shape(*format_).block_k != 0)
      return "a row of the table has half a block";
    return nullptr;
  }

  void run(const OpRun& run) const override {
    const auto* table = run.arg<const std::byte>(0);
    const auto* rows = run.arg<const int32_t>(1);
    auto* y = run.arg<float>(2);
    const int64_t n_table = table_.size(0, run.dyn);
    const uint64_t bytes = row_bytes(table_.dtype, row_elements_);
    for_ranges(run, rows_.size(0, run.dyn), row_elements_, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float* out = y + i * row_elements_;
        if (rows[i] < 0 || rows[i] >= n_table) {
          std::memset(out, 0, static_cast<uint64_t>(row_elements_) * sizeof(float));
        } else {
          convert(table + static_cast<uint64_t>(rows[i]) * bytes, out);
        }
      }
    });
  }

 private:
  void convert(const std::byte* row, float* y) const {
    if (is_block_format(*format_)) {
      (avx512_ ? avx512::block_row_to_f32 : avx2::block_row_to_f32)(*format_, row, y, row_elements_);
    } else {
      (avx512_ ? avx512::row_to_f32 : avx2::row_to_f32)(table_.dtype, row, y, row_elements_);
    }
  }

  Tensor table_;
  Tensor rows_;
  std::optional<WeightFormat> format_;
  int64_t row_elements_ = 0;
  bool avx512_ = false;
};

constexpr bp_kernel kRows[] = {
    row<GatherRowsOp>({.id = "cpu.gather_rows",
                       .pattern = "gather_rows",
                       .where = "dtype(table)=f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1|q2_k|q3_k|q4_k|q5_k|q6_k|iq4_nl|"
                                "iq4_xs|mxfp4; dtype(out)=f32"}),
};

}  // namespace

std::span<const bp_kernel> gather_rows_rows() { return kRows; }

}  // namespace bp::cpu
