// Rows and elements chosen by index, and the bookkeeping of experts.
#include "work.h"

namespace bp::opencl {
namespace {

// table, rows, out: n[1] elements of a row, n[2] rows there are.
int64_t size_of_gather(const Work& work, const int64_t* dyn, Args& args) {
  args.n[2] = work.slot[0].size(0, dyn);
  return work.slot[1].elements(dyn) * args.n[1];
}

const char* gather(const RegionView&, const RowUser&, Work& work) {
  const Tensor& table = work.slot[0];
  const int64_t block = loadable_block(table.dtype);
  if (!table.is_static_from(1)) return "a row of the table is dynamic";
  if (block == 0 || table.columns() % block != 0) return "the table's dtype is not read by this port";
  work.args.n[1] = table.bounds(1, table.rank);
  work.args.n[3] = table.dtype;
  work.size = size_of_gather;
  return nullptr;
}

const char* gather_plain(const RegionView&, const RowUser&, Work& work) {
  const Tensor& table = work.slot[0];
  if (!table.is_static_from(1)) return "a row of the table is dynamic";
  if (table.dtype != work.slot[2].dtype || element_bytes(table.dtype) == 0) return "the result has another type";
  work.args.n[1] = table.bounds(1, table.rank);
  work.args.n[3] = element_bytes(table.dtype);
  work.size = size_of_gather;
  return nullptr;
}

// x, rows, w?, out
int64_t size_of_gather_norm(const Work& work, const int64_t* dyn, Args& args) {
  args.n[3] = work.slot[0].size(0, dyn);
  return work.slot[1].elements(dyn);
}

const char* gather_norm(const RegionView& region, const RowUser&, Work& work) {
  if (!work.slot[0].is_static_from(1)) return "a row is dynamic";
  work.args.n[1] = work.slot[0].columns();
  work.args.n[2] = work.slot[2].dtype;
  work.args.f[0] = region.attr_float("eps", 0, 1);
  work.by_group = true;
  work.size = size_of_gather_norm;
  return nullptr;
}

// target, rows, src: an item for each element of a row.
int64_t size_of_scatter(const Work& work, const int64_t* dyn, Args& args) {
  args.n[1] = work.slot[1].elements(dyn);
  args.n[2] = work.slot[0].size(0, dyn);
  return args.n[1] == 0 ? 0 : work.slot[0].sizes(1, work.slot[0].rank, dyn);
}

const char* scatter(const RegionView&, const RowUser&, Work& work) {
  work.args.n[3] = element_bytes(work.slot[0].dtype);
  work.size = size_of_scatter;
  return work.args.n[3] > 0 ? nullptr : "elements are no whole bytes";
}

// x, idx (, src), out along the last axis.
int64_t size_of_last(const Work& work, const int64_t* dyn, Args& args) {
  const Tensor &x = work.slot[0], &idx = work.slot[1];
  args.n[1] = idx.size(idx.rank - 1, dyn);
  args.n[2] = x.size(x.rank - 1, dyn);
  return work.args.n[4] != 0 ? idx.elements(dyn) : x.rows(dyn);
}

const char* last(const RegionView&, const RowUser& user, Work& work) {
  work.args.n[3] = element_bytes(work.slot[0].dtype);
  work.args.n[4] = user.op;  // an item for each index, or for each row
  work.size = size_of_last;
  if (work.slot[0].rank == 0 || work.slot[1].rank == 0) return "a scalar has no last axis";
  return work.args.n[3] > 0 ? nullptr : "elements are no whole bytes";
}

int64_t size_of_segments(const Work& work, const int64_t* dyn, Args&) { return work.slot[2].elements(dyn); }

const char* segment_mean(const RegionView&, const RowUser&, Work& work) {
  if (!work.slot[0].is_static_from(1)) return "a row is dynamic";
  work.args.n[1] = work.slot[0].bounds(1, work.slot[0].rank);
  work.size = size_of_segments;
  return nullptr;
}

// Even of no slots the offsets are written.
int64_t size_of_sort(const Work& work, const int64_t* dyn, Args& args) {
  args.n[1] = work.slot[0].elements(dyn);
  return 1;
}

const char* expert_sort(const RegionView& region, const RowUser&, Work& work) {
  work.args.n[2] = region.attr_int("n_experts", 0);
  work.size = size_of_sort;
  return nullptr;
}

// y, order, weights, z
int64_t size_of_combine(const Work& work, const int64_t* dyn, Args& args) {
  args.n[3] = work.slot[2].elements(dyn);
  return work.slot[3].elements(dyn);
}

const char* moe_combine(const RegionView&, const RowUser&, Work& work) {
  if (!work.slot[0].is_static_from(1) || !work.slot[2].is_static_from(1)) return "a row is dynamic";
  work.args.n[1] = work.slot[0].columns();
  work.args.n[2] = work.slot[2].columns();
  work.size = size_of_combine;
  return nullptr;
}

constexpr RowText kRows[] = {
    {"opencl.gather_rows", "gather_rows", "dtype(out)=f32", nullptr, {"gather_rows", gather, 0}},
    {"opencl.gather_rows_plain", "gather_rows", nullptr, nullptr, {"gather_rows_bytes", gather_plain, 0}},
    {"opencl.gather_rms_norm",
     "(rms_norm (gather_rows ?x ?rows) ?w*)",
     "dtype(x)=f32; dtype(out)=f32; dtype(w)=f32|f16|bf16; rank(x)=2",
     nullptr,
     {"gather_rms_norm", gather_norm, 0}},
    {"opencl.scatter_rows", "scatter_rows", nullptr, nullptr, {"scatter_rows", scatter, 0}},
    {"opencl.gather_last", "gather_last", nullptr, nullptr, {"gather_last", last, 1}},
    {"opencl.scatter_last", "scatter_last", nullptr, "out=x", {"scatter_last", last, 0}},
    {"opencl.segment_mean", "segment_mean", "dtype(x)=f32", nullptr, {"segment_mean", segment_mean, 0}},
    {"opencl.expert_sort", "expert_sort", nullptr, nullptr, {"expert_sort", expert_sort, 0}},
    {"opencl.moe_combine", "moe_combine", "dtype(y)=f32; dtype(weights)=f32", nullptr, {"moe_combine", moe_combine, 0}},
};

}  // namespace

std::span<const RowText> index_rows() { return kRows; }

}  // namespace bp::opencl
