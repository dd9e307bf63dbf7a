#include "ops/region_view.h"

#include "weight_layout.h"

namespace bp::cpu {

int64_t Tensor::sizes(uint32_t begin, uint32_t end, const int64_t* dyn) const {
  int64_t n = 1;
  for (uint32_t i = begin; i < end; ++i) n *= size(i, dyn);
  return n;
}

int64_t Tensor::bounds(uint32_t begin, uint32_t end) const {
  int64_t n = 1;
  for (uint32_t i = begin; i < end; ++i) n *= dim[i];
  return n;
}

uint64_t row_bytes(uint16_t dtype, int64_t n) {
  const auto count = static_cast<uint64_t>(n);
  switch (dtype) {
    case BP_DT_F32:
    case BP_DT_I32:
      return count * 4;
    case BP_DT_F16:
    case BP_DT_BF16:
      return count * 2;
    default:
      break;
  }
  const auto format = format_of_dtype(dtype);
  if (!format.has_value()) return 0;
  if (is_byte_format(*format)) return count;
  const BlockShape shape = block_shape(*format);
  return count / shape.block_k * shape.file_bytes;
}

int64_t element_bytes(uint16_t dtype) {
  switch (dtype) {
    case BP_DT_F32:
    case BP_DT_I32:
      return 4;
    case BP_DT_F16:
    case BP_DT_BF16:
    case BP_DT_I16:
      return 2;
    case BP_DT_F64:
    case BP_DT_I64:
      return 8;
    case BP_DT_I8:
    case BP_DT_U8:
    case BP_DT_BOOL:
    case BP_DT_FP8_E4M3:
    case BP_DT_FP8_E5M2:
    case BP_DT_E8M0:
      return 1;
    default:
      return 0;
  }
}

bool is_plain_float(uint16_t dtype) { return dtype == BP_DT_F32 || dtype == BP_DT_F16 || dtype == BP_DT_BF16; }

Tensor RegionView::value(uint32_t i) const {
  Tensor out;
  if (i >= region_.n_value) return out;
  const auto* bytes = reinterpret_cast<const char*>(region_.value) + static_cast<uint64_t>(i) * region_.value_stride;
  const auto& v = *reinterpret_cast<const bp_value*>(bytes);
  out.present = true;
  out.dtype = v.dtype;
  out.layout = v.layout;
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

Tensor RegionView::operand(uint32_t node, uint32_t i) const {
  const bp_node& n = node_at(node);
  return i < n.n_in && n.in[i] != BP_ABSENT ? value(n.in[i]) : Tensor{};
}

const bp_node& RegionView::node_at(uint32_t i) const {
  const auto* bytes = reinterpret_cast<const char*>(region_.node) + static_cast<uint64_t>(i) * region_.node_stride;
  return *reinterpret_cast<const bp_node*>(bytes);
}

const bp_attr* RegionView::attr(uint32_t node, std::string_view key) const {
  const bp_node& n = node_at(node);
  for (uint32_t i = 0; i < n.n_attr; ++i) {
    const auto* bytes = reinterpret_cast<const char*>(n.attr) + static_cast<uint64_t>(i) * n.attr_stride;
    const auto* found = reinterpret_cast<const bp_attr*>(bytes);
    if (key == found->key) return found;
  }
  return nullptr;
}

std::optional<int64_t> RegionView::attr_int(uint32_t node, std::string_view key) const {
  const bp_attr* found = attr(node, key);
  if (found == nullptr || found->kind != BP_ATTR_INT || found->n != 1) return std::nullopt;
  return found->i[0];
}

std::optional<double> RegionView::attr_float(uint32_t node, std::string_view key) const {
  const bp_attr* found = attr(node, key);
  if (found == nullptr || found->kind != BP_ATTR_FLOAT || found->n != 1) return std::nullopt;
  return found->f[0];
}

const int64_t* RegionView::attr_ints(uint32_t node, std::string_view key, uint32_t* n) const {
  const bp_attr* found = attr(node, key);
  if (found == nullptr || found->kind != BP_ATTR_INT) return nullptr;
  *n = found->n;
  return found->i;
}

}  // namespace bp::cpu
