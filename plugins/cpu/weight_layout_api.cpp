// layout_info and pack: what the host asks of packed weights.
#include <backplane/plugin.hpp>

#include "device.h"
#include "memory.h"
#include "ops/region_view.h"
#include "queue.h"
#include "weight_layout.h"

namespace bp::cpu {
namespace {

struct Shape {
  WeightFormat format;
  int64_t n;
  int64_t k;
};

std::optional<WeightFormat> format_of_layout(const bp_device& device, uint32_t layout) {
  for (int i = 0; i < kWeightFormats; ++i) {
    if (layout != 0 && device.layouts[i] == layout) return static_cast<WeightFormat>(i);
  }
  return std::nullopt;
}

bp_status shape_of(const bp_device& device, uint32_t layout, const bp_value& value, Shape* out, bp_err* err) {
  const auto format = format_of_layout(device, layout);
  if (!format.has_value()) return plugin::set_error(err, BP_E_INVALID, "layout %u is none of this plugin's", layout);
  if (value.dtype != layout_dtype(*format)) {
    return plugin::set_error(err, BP_E_UNSUPPORTED, "%s does not take dtype %u", layout_name(*format), value.dtype);
  }
  if (value.rank < 1 || value.rank > 6)
    return plugin::set_error(err, BP_E_UNSUPPORTED, "a weight of rank %u", value.rank);
  constexpr int64_t kLargest = int64_t{1} << 40;  // elements: no product below overflows
  int64_t n = 1;
  for (uint32_t i = 0; i + 1 < value.rank; ++i) {
    if (value.dim[i] <= 0 || value.dim[i] > kLargest / n)
      return plugin::set_error(err, BP_E_UNSUPPORTED, "a weight without rows, or with too many");
    n *= value.dim[i];
  }
  const int64_t k = value.dim[value.rank - 1];
  if (k <= 0 || k > kLargest / n || group_bytes(*format, k) == 0) {
    return plugin::set_error(err, BP_E_UNSUPPORTED, "rows of %lld elements do not fill whole blocks",
                             static_cast<long long>(k));
  }
  *out = {*format, n, k};
  return BP_OK;
}

uint64_t packed_bytes(const Shape& shape) {
  return static_cast<uint64_t>((shape.n + kGroupRows - 1) / kGroupRows) * group_bytes(shape.format, shape.k);
}

}  // namespace

bp_status weight_layout_info(bp_device* device, uint32_t layout, const bp_value* value, uint32_t, uint32_t n,
                             bp_layout_info* out, bp_err* err) noexcept {
  if (n != 1) return plugin::set_error(err, BP_E_UNSUPPORTED, "%u sources: weights are packed one by one", n);
  Shape shape{};
  if (const bp_status status = shape_of(*device, layout, *value, &shape, err); status != BP_OK) return status;
  bp_layout_info info{};
  info.flags = BP_LAYOUT_SRC_HOST | BP_LAYOUT_SRC_DEVICE;
  info.bytes = packed_bytes(shape);
  info.align = 64;
  info.row_multiple = kGroupRows;
  plugin::fill(out, info);
  return BP_OK;
}

bp_status weight_pack(bp_device* device, const bp_pack* pack, bp_queue*, bp_err* err) noexcept {
  if (pack->n_src != 1)
    return plugin::set_error(err, BP_E_UNSUPPORTED, "%u sources: weights are packed one by one", pack->n_src);
  Shape shape{};
  if (const bp_status status = shape_of(*device, pack->layout, *pack->value, &shape, err); status != BP_OK)
    return status;
  const uint64_t src_bytes = row_bytes(layout_dtype(shape.format), shape.k) * static_cast<uint64_t>(shape.n);
  if (pack->src->bytes < src_bytes || pack->dst.bytes < packed_bytes(shape)) {
    return plugin::set_error(err, BP_E_INVALID, "a weight of %llu bytes, packed %llu, does not fit its spans",
                             static_cast<unsigned long long>(src_bytes),
                             static_cast<unsigned long long>(packed_bytes(shape)));
  }
  const int64_t end = pack->row0 + pack->n_rows;
  const bool whole_groups = pack->row0 % kGroupRows == 0 && (pack->n_rows % kGroupRows == 0 || end == shape.n);
  if (pack->row0 < 0 || pack->n_rows < 0 || pack->n_rows > shape.n || end > shape.n || !whole_groups) {
    return plugin::set_error(err, BP_E_INVALID, "rows %lld to %lld of %lld are not whole groups of 16",
                             static_cast<long long>(pack->row0), static_cast<long long>(end),
                             static_cast<long long>(shape.n));
  }
  pack_weight({shape.format, shape.n, shape.k, address(*pack->src), address(pack->dst)}, pack->row0, pack->n_rows,
              *device->team);
  return BP_OK;
}

}  // namespace bp::cpu
