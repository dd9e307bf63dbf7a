// The next token of each sequence.
#include "work.h"

namespace bp::opencl {
namespace {

// logits, temperature, top_k, top_p, min_p, seed, position, token; and an order of the vocabulary for each row.
const char* sample(const RegionView&, const RowUser&, Work& work) {
  const Tensor& logits = work.slot[0];
  if (logits.rank != 2 || !logits.is_static_from(1) || logits.columns() > INT32_MAX) return "the vocabulary is dynamic";
  work.args.n[1] = logits.columns();
  work.ws_bytes = static_cast<uint64_t>(logits.dim[0]) * static_cast<uint64_t>(logits.columns()) * sizeof(int32_t);
  work.ws_param = 8;
  work.param[8] = -1;
  work.size = per_row<0>;
  return nullptr;
}

constexpr RowText kRows[] = {
    {"opencl.sample", "sample", "dtype(logits)=f32", nullptr, {"sample", sample, 0}},
};

}  // namespace

std::span<const RowText> sample_rows() { return kRows; }

}  // namespace bp::opencl
