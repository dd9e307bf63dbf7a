#include <cstring>

#include "ops/numbers.h"
#include "ops/rows.h"

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
    const int64_t block = number_block(table_.dtype);
    if (block == 0) return "the table's dtype is not read by this plugin";
    if (table_.columns() % block != 0) return "a row of the table has half a block";
    return nullptr;
  }

  void run(const OpRun& run) const override {
    const auto* table = run.arg<const std::byte>(0);
    const auto* rows = run.arg<const int32_t>(1);
    auto* y = run.arg<float>(2);
    const int64_t n_table = table_.size(0, run.dyn);
    const int64_t bytes = bytes_of(table_.dtype, row_elements_);
    for_ranges(run, rows_.size(0, run.dyn), row_elements_, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        float* out = y + i * row_elements_;
        if (rows[i] < 0 || rows[i] >= n_table) {
          std::memset(out, 0, static_cast<uint64_t>(row_elements_) * sizeof(float));
        } else {
          numbers_to_f32(table_.dtype, table + rows[i] * bytes, out, row_elements_, avx512_);
        }
      }
    });
  }

 private:
  Tensor table_;
  Tensor rows_;
  int64_t row_elements_ = 0;
  bool avx512_ = false;
};

constexpr bp_kernel kRows[] = {
    row<GatherRowsOp>({.id = "cpu.gather_rows", .pattern = "gather_rows", .where = "dtype(out)=f32"}),
};

}  // namespace

std::span<const bp_kernel> gather_rows_rows() { return kRows; }

}  // namespace bp::cpu
