// Products with weights as the file has them: decoded where they are multiplied.
#include "work.h"

#define BP_OPENCL_WEIGHTS "f32|f16|bf16|q8_0|q4_0|q4_1|q5_0|q5_1"

namespace bp::opencl {
namespace {

constexpr int64_t kRowsOfItem = 4;  // cl/matmul.cl

const char* set_weight(const Tensor& w, Work& work) {
  if (w.rank < 2 || !w.is_static()) return "the weight is no matrix of fixed size";
  work.args.n[2] = w.dim[w.rank - 2];
  const int64_t block = loadable_block(w.dtype);
  if (block == 0 || w.columns() % block != 0) return "a row of the weight is no whole number of blocks";
  work.args.n[3] = w.columns();
  work.args.n[4] = w.dtype;
  return nullptr;
}

// x, w …: an item for each column of w and four rows of x.
int64_t size_of_product(const Work& work, const int64_t* dyn, Args& args) {
  args.n[1] = work.slot[0].rows(dyn);
  return (args.n[1] + kRowsOfItem - 1) / kRowsOfItem * args.n[2];
}

const char* product(const RegionView&, const RowUser&, Work& work) {
  work.size = size_of_product;
  return set_weight(work.slot[1], work);
}

// x, w, r, out: r is a row for all, or as large as the result.
const char* product_add(const RegionView& region, const RowUser& user, Work& work) {
  if (const char* why = product(region, user, work); why != nullptr) return why;
  const Tensor& r = work.slot[2];
  const bool is_row = r.is_static() && r.bounds(0, r.rank) == work.args.n[2] && r.columns() == work.args.n[2];
  const bool is_whole = same_shape(r, work.slot[3]);
  work.args.n[5] = is_whole ? work.args.n[2] : 0;
  return is_row || is_whole ? nullptr : "the sum broadcasts";
}

// x, wg, wu, out
const char* product_silu_mul(const RegionView& region, const RowUser& user, Work& work) {
  if (const char* why = set_weight(work.slot[2], work); why != nullptr) return why;
  if (!same_shape(work.slot[1], work.slot[2])) return "the two weights have two shapes";
  work.args.n[5] = work.slot[2].dtype;
  return product(region, user, work);
}

enum Stack : int64_t { kBatched, kIndexed, kGrouped };

int64_t size_of_stack(const Work& work, const int64_t* dyn, Args&) { return work.slot[work.param[3]].elements(dyn); }

// x, w (, idx or offsets), out
const char* stack(const RegionView&, const RowUser& user, Work& work) {
  const Tensor &x = work.slot[0], &w = work.slot[1];
  if (w.rank != 3) return "the weight is no stack of matrices";
  if (user.op == kBatched) {
    work.param[2] = -1;
    work.param[3] = 2;
  }
  work.args.n[5] = user.op;
  work.args.n[6] = w.dim[0];
  work.args.n[7] = 1;
  if (user.op == kIndexed) {
    const Tensor& idx = work.slot[2];
    const bool shared = idx.rank == 2 && x.rank == 2;  // a row of x for all slots of its token
    if (shared && !idx.is_static(1)) return "slots of a token are dynamic";
    if (shared) work.args.n[7] = idx.dim[1];
  }
  work.size = size_of_stack;
  return set_weight(w, work);
}

constexpr const char* kWhere = "dtype(x)=f32; dtype(w)=" BP_OPENCL_WEIGHTS;

constexpr RowText kRows[] = {
    {"opencl.matmul", "matmul", kWhere, nullptr, {"matmul", product, 0}},
    {"opencl.matmul_add",
     "(add (matmul ?x ?w) ?r)",
     "dtype(x)=f32; dtype(r)=f32; dtype(w)=" BP_OPENCL_WEIGHTS,
     "out=r",
     {"matmul_add", product_add, 0}},
    {"opencl.matmul_silu_mul",
     "(mul (silu (matmul ?x ?wg)) (matmul ?x ?wu))",
     "dtype(x)=f32; dtype(wg)=" BP_OPENCL_WEIGHTS "; dtype(wu)=" BP_OPENCL_WEIGHTS,
     nullptr,
     {"matmul_silu_mul", product_silu_mul, 0}},
    {"opencl.matmul_batched", "matmul_batched", kWhere, nullptr, {"matmul_stack", stack, kBatched}},
    {"opencl.matmul_indexed", "matmul_indexed", kWhere, nullptr, {"matmul_stack", stack, kIndexed}},
    {"opencl.matmul_grouped", "matmul_grouped", kWhere, nullptr, {"matmul_stack", stack, kGrouped}},
};

}  // namespace

std::span<const RowText> matmul_rows() { return kRows; }

}  // namespace bp::opencl
