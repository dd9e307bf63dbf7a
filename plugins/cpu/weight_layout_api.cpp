// layout_info and pack: what the host asks of packed weights.
#include <backplane/plugin_region.hpp>

#include "device.h"
#include "memory.h"
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

// The sources of one weight, rows one after another: matrices of one format and K, each but the last of whole groups,
// so that each is packed on its own.
class Sources {
 public:
  bp_status read(const bp_device& device, uint32_t layout, const bp_value* values, uint32_t stride, uint32_t n,
                 bp_err* err) {
    if (n == 0) return plugin::set_error(err, BP_E_INVALID, "a weight without sources");
    values_ = values;
    stride_ = stride == 0 ? sizeof(bp_value) : stride;
    n_ = n;
    if (const bp_status status = weight_of(device, layout, at(0), &first_, err); status != BP_OK) return status;
    rows_ = first_.n_matrices * first_.n;
    for (uint32_t i = 1; i < n; ++i) {
      PackedWeight other{};
      if (const bp_status status = weight_of(device, layout, at(i), &other, err); status != BP_OK) return status;
      const bool alike = other.format == first_.format && other.k == first_.k && other.n_matrices == 1;
      if (!alike || first_.n_matrices != 1 || rows_ % kGroupRows != 0) {
        return plugin::set_error(err, BP_E_UNSUPPORTED,
                                 "source %u: joined weights are matrices of one type and width, in whole groups of 16 "
                                 "rows",
                                 i);
      }
      rows_ += other.n;
    }
    return BP_OK;
  }

  int64_t rows() const { return rows_; }
  uint64_t size_bytes() const {
    return n_ == 1 ? first_.size_bytes() : PackedWeight{first_.format, 1, rows_, first_.k}.size_bytes();
  }
  int64_t row_multiple() const {
    return n_ > 1 || first_.n_matrices == 1 || first_.n % kGroupRows == 0 ? kGroupRows : first_.n;
  }

  // The source that `row` is of, as a weight of its own.
  struct Part {
    uint32_t source;
    PackedWeight weight;
    int64_t row0;  // of its first row among all
  };
  Part part_at(int64_t row) const {
    if (n_ == 1) return {0, first_, 0};
    Part part{0, {first_.format, 1, n_rows(0), first_.k}, 0};
    while (part.source + 1 < n_ && row >= part.row0 + part.weight.n) {
      part.row0 += part.weight.n;
      part.weight.n = n_rows(++part.source);
    }
    return part;
  }

 private:
  const bp_value& at(uint32_t i) const {
    return *reinterpret_cast<const bp_value*>(reinterpret_cast<const char*>(values_) + uint64_t{i} * stride_);
  }
  int64_t n_rows(uint32_t i) const { return at(i).rank >= 2 ? at(i).dim[at(i).rank - 2] : 1; }

  const bp_value* values_ = nullptr;
  uint32_t stride_ = 0, n_ = 0;
  PackedWeight first_{};
  int64_t rows_ = 0;
};

}  // namespace

bp_status weight_layout_info(bp_device* device, uint32_t layout, const bp_value* value, uint32_t stride, uint32_t n,
                             bp_layout_info* out, bp_err* err) noexcept {
  Sources sources;
  if (const bp_status status = sources.read(*device, layout, value, stride, n, err); status != BP_OK) return status;
  bp_layout_info info{};
  info.flags = BP_LAYOUT_SRC_HOST | BP_LAYOUT_SRC_DEVICE;
  info.bytes = sources.size_bytes();
  info.align = 64;
  info.row_multiple = sources.row_multiple();
  plugin::fill(out, info);
  return BP_OK;
}

bp_status weight_pack(bp_device* device, const bp_pack* pack, bp_queue*, bp_err* err) noexcept {
  Sources sources;
  if (const bp_status status = sources.read(*device, pack->layout, pack->value, pack->value_stride, pack->n_src, err);
      status != BP_OK)
    return status;
  const int64_t rows = sources.rows();
  const int64_t end = pack->row0 + pack->n_rows;
  if (pack->row0 < 0 || pack->n_rows < 0 || pack->n_rows > rows || pack->row0 > rows - pack->n_rows) {
    return plugin::set_error(err, BP_E_INVALID, "rows %lld and %lld on of %lld", static_cast<long long>(pack->row0),
                             static_cast<long long>(pack->n_rows), static_cast<long long>(rows));
  }
  const Sources::Part part = sources.part_at(pack->row0);
  const PackedWeight& weight = part.weight;
  const int64_t part_rows = weight.n_matrices * weight.n;
  const bp_span& src = pack->src[part.source];
  const auto one_row = static_cast<uint64_t>(plugin::bytes_of(pack->value->dtype, weight.k));
  if (pack->src_row0 < part.row0 || pack->src_row0 > pack->row0) {
    return plugin::set_error(
        err, BP_E_INVALID, "src_row0 %lld of a source whose rows begin with %lld, sliced from %lld",
        static_cast<long long>(pack->src_row0), static_cast<long long>(part.row0), static_cast<long long>(pack->row0));
  }
  const uint64_t src_bytes = one_row * static_cast<uint64_t>(end - pack->src_row0);
  if (src.bytes < src_bytes || pack->dst.bytes < sources.size_bytes()) {
    return plugin::set_error(err, BP_E_INVALID, "a weight of %llu bytes, packed %llu, does not fit its spans",
                             static_cast<unsigned long long>(src_bytes),
                             static_cast<unsigned long long>(sources.size_bytes()));
  }
  if (end > part.row0 + part_rows || !weight.is_boundary(pack->row0 - part.row0) ||
      !weight.is_boundary(end - part.row0)) {
    return plugin::set_error(err, BP_E_INVALID, "rows %lld to %lld of %lld are not whole groups of 16 of one source",
                             static_cast<long long>(pack->row0), static_cast<long long>(end),
                             static_cast<long long>(rows));
  }
  std::byte* dst =
      address(pack->dst) + static_cast<uint64_t>(part.row0 / kGroupRows) * group_bytes(weight.format, weight.k);
  // As if the source were all there.
  const std::byte* first = address(src) - static_cast<uint64_t>(pack->src_row0 - part.row0) * one_row;
  pack_weight(weight, first, dst, pack->row0 - part.row0, pack->n_rows, *device->team);
  return BP_OK;
}

}  // namespace bp::cpu
