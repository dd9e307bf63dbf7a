#include "ops/op.h"

namespace bp::cuda {

gpu::Extent OpRun::extent(const Tensor& t, uint32_t d) const {
  gpu::Extent out;
  if (t.is_static(d)) {
    out.bound = t.dim[d];
    return out;
  }
  const auto sym = static_cast<uint32_t>(t.sym[d]);
  out.bound = dyn[sym];
  const Symbols::Symbol& symbol = symbols.symbol[sym];
  if (symbol.len_slot < 0 || args == nullptr) return out;
  out.len = reinterpret_cast<const int32_t*>(args[symbol.len_slot]);
  out.mul = symbol.mul;
  out.add = symbol.add;
  return out;
}

gpu::Shape OpRun::shape(const Tensor& t) const {
  gpu::Shape out;
  out.rank = static_cast<int>(t.rank);
  for (uint32_t d = 0; d < t.rank; ++d) out.dim[d] = extent(t, d);
  return out;
}

gpu::Count OpRun::count(const Tensor& t, uint32_t begin, uint32_t end) const {
  gpu::Count out;
  int n = 0;
  for (uint32_t d = begin; d < end; ++d) {
    if (t.is_static(d)) {
      out.fixed *= t.dim[d];
    } else if (n++ == 0) {
      out.a = extent(t, d);
    } else {
      out.b = extent(t, d);
    }
  }
  return out;
}

}  // namespace bp::cuda
