#include "ops/region_view.h"

#include "portable/numbers.h"

namespace bp::cuda {

bool Tensor::is_static() const { return n_dynamic(0, rank) == 0; }

int64_t Tensor::bounds(uint32_t begin, uint32_t end) const {
  int64_t n = 1;
  for (uint32_t i = begin; i < end; ++i) n *= dim[i];
  return n;
}

int Tensor::n_dynamic(uint32_t begin, uint32_t end) const {
  int n = 0;
  for (uint32_t i = begin; i < end; ++i) n += is_static(i) ? 0 : 1;
  return n;
}

int element_bytes(uint16_t dtype) {
  const gpu::BlockSize size = gpu::block_size(dtype);
  return size.elements == 1 ? size.bytes : 0;
}

bool is_plain_float(uint16_t dtype) { return dtype == BP_DT_F32 || dtype == BP_DT_F16 || dtype == BP_DT_BF16; }

Tensor RegionView::value(uint32_t i) const {
  Tensor out;
  if (i >= region_.n_value) return out;
  const auto* bytes = reinterpret_cast<const char*>(region_.value) + static_cast<uint64_t>(i) * region_.value_stride;
  const auto& v = *reinterpret_cast<const bp_value*>(bytes);
  out.present = true;
  out.dtype = v.dtype;
  out.rank = v.rank;
  for (uint32_t d = 0; d < 6; ++d) {
    out.dim[d] = v.dim[d];
    out.sym[d] = static_cast<int32_t>(v.dim_sym[d]) - 1;
  }
  return out;
}

Tensor RegionView::slot(uint32_t i) const {
  return i < region_.n_arg && region_.arg[i] != BP_ABSENT ? value(region_.arg[i]) : Tensor{};
}

const bp_sym& RegionView::sym(uint32_t i) const {
  const auto* bytes = reinterpret_cast<const char*>(region_.sym) + static_cast<uint64_t>(i) * region_.sym_stride;
  return *reinterpret_cast<const bp_sym*>(bytes);
}

const char* RegionView::read_symbols(Symbols* out) const {
  if (region_.n_sym > Symbols::kMost) return "more dynamic sizes than this plugin takes";
  out->n = region_.n_sym;
  int32_t n_lengths = 0;
  for (uint32_t i = 0; i < region_.n_sym; ++i) n_lengths += sym(i).len_value >= 0 ? 1 : 0;
  // They come last among the arguments, in order of the symbols.
  int32_t slot = static_cast<int32_t>(region_.n_arg) - n_lengths;
  int32_t len_slot[Symbols::kMost];
  for (uint32_t i = 0; i < region_.n_sym; ++i) len_slot[i] = sym(i).len_value >= 0 ? slot++ : -1;
  for (uint32_t i = 0; i < region_.n_sym; ++i) {
    Symbols::Symbol symbol;
    uint32_t at = i;
    for (uint32_t hops = 0; sym(at).base >= 0; ++hops) {
      const bp_sym& derived = sym(at);
      if (hops == Symbols::kMost || derived.base >= static_cast<int32_t>(region_.n_sym)) return "a size without a base";
      symbol.add += symbol.mul * derived.add;
      symbol.mul *= derived.mul;
      at = static_cast<uint32_t>(derived.base);
    }
    symbol.len_slot = len_slot[at];
    out->symbol[i] = symbol;
  }
  return nullptr;
}

const bp_attr* RegionView::attr(std::string_view key) const {
  const bp_node& node = region_.node[0];
  for (uint32_t i = 0; i < node.n_attr; ++i) {
    const auto* bytes = reinterpret_cast<const char*>(node.attr) + static_cast<uint64_t>(i) * node.attr_stride;
    const auto* found = reinterpret_cast<const bp_attr*>(bytes);
    if (key == found->key) return found;
  }
  return nullptr;
}

int64_t RegionView::attr_int(std::string_view key, int64_t otherwise) const {
  const bp_attr* found = attr(key);
  return found == nullptr || found->kind != BP_ATTR_INT || found->n != 1 ? otherwise : found->i[0];
}

float RegionView::attr_float(std::string_view key, float otherwise) const {
  const bp_attr* found = attr(key);
  return found == nullptr || found->kind != BP_ATTR_FLOAT || found->n != 1 ? otherwise
                                                                           : static_cast<float>(found->f[0]);
}

const int64_t* RegionView::attr_ints(std::string_view key, uint32_t* n) const {
  const bp_attr* found = attr(key);
  if (found == nullptr || found->kind != BP_ATTR_INT) return nullptr;
  *n = found->n;
  return found->i;
}

}  // namespace bp::cuda
