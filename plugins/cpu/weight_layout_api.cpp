// layout_info and pack: what the host asks of packed weights.
#include <backplane/plugin.hpp>

#include "device.h"
#include "memory.h"
#include "ops/region_view.h"
#include "queue.h"
#include "weight_layout.h"

namespace bp::cpu {
namespace {

bp_status weight_of(const bp_device& device, uint32_t layout, const bp_value& value, PackedWeight* out, bp_err* err) {
  if (layout == 0 || device.weight_layout != layout)
    return plugin::set_error(err, BP_E_INVALID, "layout %u is none of this plugin's", layout);
  const auto format = format_of_dtype(value.dtype);
  if (!format.has_value())
    return plugin::set_error(err, BP_E_UNSUPPORTED, "%s does not take dtype %u", kWeightLayout, value.dtype);
  if (value.rank < 1 || value.rank > 6)
    return plugin::set_error(err, BP_E_UNSUPPORTED, "a weight of rank %u", value.rank);
  constexpr int64_t kLargest = int64_t{1} << 40;  // elements: no product below overflows
  int64_t rows = 1;
  for (uint32_t i = 0; i + 1 < value.rank; ++i) {
    if (value.dim[i] <= 0 || value.dim[i] > kLargest / rows)
      return plugin::set_error(err, BP_E_UNSUPPORTED, "a weight without rows, or with too many");
    rows *= value.dim[i];
  }
  const int64_t n = value.rank >= 2 ? value.dim[value.rank - 2] : 1;
  const int64_t k = value.dim[value.rank - 1];
  if (k <= 0 || k > kLargest / rows / kGroupRows || group_bytes(*format, k) == 0) {
    return plugin::set_error(err, BP_E_UNSUPPORTED, "rows of %lld elements do not fill whole blocks",
                             static_cast<long long>(k));
  }
  *out = {*format, rows / n, n, k};
  return BP_OK;
}

}  // namespace

bp_status weight_layout_info(bp_device* device, uint32_t layout, const bp_value* value, uint32_t, uint32_t n,
                             bp_layout_info* out, bp_err* err) noexcept {
  if (n != 1) return plugin::set_error(err, BP_E_UNSUPPORTED, "%u sources: weights are packed one by one", n);
  PackedWeight weight{};
  if (const bp_status status = weight_of(*device, layout, *value, &weight, err); status != BP_OK) return status;
  bp_layout_info info{};
  info.flags = BP_LAYOUT_SRC_HOST | BP_LAYOUT_SRC_DEVICE;
  info.bytes = weight.size_bytes();
  info.align = 64;
  info.row_multiple = weight.n_matrices == 1 || weight.n % kGroupRows == 0 ? kGroupRows : weight.n;
  plugin::fill(out, info);
  return BP_OK;
}

bp_status weight_pack(bp_device* device, const bp_pack* pack, bp_queue*, bp_err* err) noexcept {
  if (pack->n_src != 1)
    return plugin::set_error(err, BP_E_UNSUPPORTED, "%u sources: weights are packed one by one", pack->n_src);
  PackedWeight weight{};
  if (const bp_status status = weight_of(*device, pack->layout, *pack->value, &weight, err); status != BP_OK)
    return status;
  const int64_t rows = weight.n_matrices * weight.n;
  const uint64_t src_bytes = row_bytes(pack->value->dtype, weight.k) * static_cast<uint64_t>(rows);
  if (pack->src->bytes < src_bytes || pack->dst.bytes < weight.size_bytes()) {
    return plugin::set_error(err, BP_E_INVALID, "a weight of %llu bytes, packed %llu, does not fit its spans",
                             static_cast<unsigned long long>(src_bytes),
                             static_cast<unsigned long long>(weight.size_bytes()));
  }
  const int64_t end = pack->row0 + pack->n_rows;
  if (pack->row0 < 0 || pack->n_rows < 0 || pack->n_rows > rows || end > rows || !weight.is_boundary(pack->row0) ||
      !weight.is_boundary(end)) {
    return plugin::set_error(err, BP_E_INVALID, "rows %lld to %lld of %lld are not whole groups of 16",
                             static_cast<long long>(pack->row0), static_cast<long long>(end),
                             static_cast<long long>(rows));
  }
  pack_weight(weight, address(*pack->src), address(pack->dst), pack->row0, pack->n_rows, *device->team);
  return BP_OK;
}

}  // namespace bp::cpu
