// What goes along the last axis: reductions, softmax, topk, and the norms.
#include "work.h"

namespace bp::opencl {
namespace {

// n[1]: the last extent, which may be dynamic.
int64_t per_row_of_any(const Work& work, const int64_t* dyn, Args& args) {
  const Tensor& x = work.slot[0];
  args.n[1] = x.size(x.rank - 1, dyn);
  return x.rows(dyn);
}

const char* reduce(const RegionView&, const RowUser& user, Work& work) {
  work.args.n[2] = user.op;
  work.size = per_row_of_any;
  return work.slot[0].rank > 0 ? nullptr : "x is a scalar";
}

const char* topk(const RegionView& region, const RowUser& user, Work& work) {
  const char* why = reduce(region, user, work);
  work.args.n[2] = region.attr_int("k", 0);
  return why;
}

// x, weights in slots from `first` on; `node` has eps.
const char* norm(const RegionView& region, uint32_t node, int first, Work& work) {
  const Tensor& x = work.slot[0];
  if (x.rank == 0 || !x.is_static(x.rank - 1)) return "the last dim is dynamic";
  work.args.n[1] = x.columns();
  for (int i = 0; i < 2; ++i) work.args.n[2 + i] = work.slot[first + i].dtype;
  work.args.f[0] = region.attr_float("eps", 0, node);
  work.by_group = true;
  work.size = per_row<0>;
  return nullptr;
}

const char* plain_norm(const RegionView& region, const RowUser&, Work& work) { return norm(region, 0, 1, work); }

// s = r + x; y = rms_norm(s, w)      slots r, x, w?, s, y
const char* add_norm(const RegionView& region, const RowUser&, Work& work) {
  if (!same_shape(work.slot[0], work.slot[1])) return "the sum broadcasts";
  return norm(region, 1, 2, work);
}

constexpr const char* kFloat = "dtype(x)=f32";

constexpr RowText kRows[] = {
    {"opencl.reduce_sum", "reduce_sum", kFloat, nullptr, {"reduce", reduce, 0}},
    {"opencl.reduce_mean", "reduce_mean", kFloat, nullptr, {"reduce", reduce, 1}},
    {"opencl.reduce_max", "reduce_max", kFloat, nullptr, {"reduce", reduce, 2}},
    {"opencl.argmax", "argmax", kFloat, nullptr, {"argmax", reduce, 0}},
    {"opencl.cumsum", "cumsum", kFloat, "out=x", {"cumsum_float", reduce, 0}},
    {"opencl.softmax", "softmax", kFloat, "out=x", {"softmax", reduce, 0}},
    {"opencl.log_softmax", "log_softmax", kFloat, "out=x", {"softmax", reduce, 1}},
    {"opencl.topk", "topk", kFloat, nullptr, {"topk", topk, 0}},
    {"opencl.rms_norm", "rms_norm", "dtype(x)=f32; dtype(w)=f32|f16|bf16", "out=x", {"rms_norm", plain_norm, 0}},
    {"opencl.layer_norm",
     "layer_norm",
     "dtype(x)=f32; dtype(w)=f32|f16|bf16; dtype(b)=f32|f16|bf16",
     "out=x",
     {"layer_norm", plain_norm, 0}},
    {"opencl.add_rms_norm",
     "(tuple (= ?s (add ?r ?x)) (rms_norm ?s ?w*))",
     "dtype(r)=f32; dtype(x)=f32; dtype(w)=f32|f16|bf16",
     "s=r; s=x; out=x",
     {"add_rms_norm", add_norm, 0}},
};

}  // namespace

std::span<const RowText> reduce_rows() { return kRows; }

}  // namespace bp::opencl
