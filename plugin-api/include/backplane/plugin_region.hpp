// Optional C++17 help over plugin.h, beside plugin.hpp: a region as a kernel reads it. Element types, shapes of slots,
// attributes, and what sizes a launch has. Header-only; nothing here is part of the border.
// Thread-safety: pure. A RegionView is good during the call that was given the region; a Tensor and Symbols are plain
// copies that outlive it.
#pragma once

#include <backplane/plugin.hpp>

namespace bp::plugin {

// ---- element types ----

// Elements and bytes of a block: {1, n} of plain types, {2, 1} of those of four bits; {0, 0}: no type of plugin.h.
struct BlockSize {
  int elements, bytes;
};
constexpr BlockSize block_size(int dtype) noexcept {
  switch (dtype) {
    case BP_DT_F32:
    case BP_DT_I32:
      return {1, 4};
    case BP_DT_F16:
    case BP_DT_BF16:
    case BP_DT_I16:
      return {1, 2};
    case BP_DT_F64:
    case BP_DT_I64:
      return {1, 8};
    case BP_DT_I8:
    case BP_DT_U8:
    case BP_DT_BOOL:
    case BP_DT_FP8_E4M3:
    case BP_DT_FP8_E5M2:
    case BP_DT_E8M0:
      return {1, 1};
    case BP_DT_I4:
    case BP_DT_U4:
    case BP_DT_FP4_E2M1:
      return {2, 1};
    case BP_DT_Q4_0:
    case BP_DT_IQ4_NL:
      return {32, 18};
    case BP_DT_Q4_1:
      return {32, 20};
    case BP_DT_Q5_0:
      return {32, 22};
    case BP_DT_Q5_1:
      return {32, 24};
    case BP_DT_Q8_0:
      return {32, 34};
    case BP_DT_MXFP4:
      return {32, 17};
    case BP_DT_Q2_K:
      return {256, 84};
    case BP_DT_Q3_K:
      return {256, 110};
    case BP_DT_Q4_K:
      return {256, 144};
    case BP_DT_Q5_K:
      return {256, 176};
    case BP_DT_Q6_K:
      return {256, 210};
    case BP_DT_IQ4_XS:
      return {256, 136};
    default:
      return {0, 0};
  }
}

// Bytes of n elements one after another, the last block whole; 0: no type of plugin.h.
constexpr int64_t bytes_of(int dtype, int64_t n) noexcept {
  const BlockSize size = block_size(dtype);
  return size.elements == 0 ? 0 : (n + size.elements - 1) / size.elements * size.bytes;
}

// Bytes of one element; 0 of types that are in blocks or no whole bytes.
constexpr int element_bytes(int dtype) noexcept {
  const BlockSize size = block_size(dtype);
  return size.elements == 1 ? size.bytes : 0;
}

// f32, f16 or bf16.
constexpr bool is_plain_float(int dtype) noexcept {
  return dtype == BP_DT_F32 || dtype == BP_DT_F16 || dtype == BP_DT_BF16;
}

// ---- shapes ----

// Shape and dtype of a value. Rows are dense.
struct Tensor {
  bool present = false;
  uint16_t dtype = 0;
  uint32_t layout = 0;  // interned; 0: as the file has it
  uint32_t rank = 0;
  int64_t dim[6] = {};                        // the bucket's max where dynamic
  int32_t sym[6] = {-1, -1, -1, -1, -1, -1};  // number in launch.dyn, -1: static

  bool is_static(uint32_t axis) const noexcept { return sym[axis] < 0; }
  bool is_static() const noexcept { return is_static_from(0); }
  bool is_static_from(uint32_t axis) const noexcept { return n_dynamic(axis, rank) == 0; }
  // Dynamic dims of [begin, end).
  int n_dynamic(uint32_t begin, uint32_t end) const noexcept {
    int n = 0;
    for (uint32_t axis = begin; axis < end; ++axis) n += is_static(axis) ? 0 : 1;
    return n;
  }

  // The extent of a dim in a launch.
  int64_t size(uint32_t axis, const int64_t* dyn) const noexcept {
    return is_static(axis) ? dim[axis] : dyn[sym[axis]];
  }
  // Products over [begin, end): in a launch, and at most.
  int64_t sizes(uint32_t begin, uint32_t end, const int64_t* dyn) const noexcept {
    int64_t n = 1;
    for (uint32_t axis = begin; axis < end; ++axis) n *= size(axis, dyn);
    return n;
  }
  int64_t bounds(uint32_t begin, uint32_t end) const noexcept {
    int64_t n = 1;
    for (uint32_t axis = begin; axis < end; ++axis) n *= dim[axis];
    return n;
  }
  int64_t elements(const int64_t* dyn) const noexcept { return sizes(0, rank, dyn); }
  int64_t elements() const noexcept { return bounds(0, rank); }
  // Over all dims but the last, which is a row.
  int64_t rows(const int64_t* dyn) const noexcept { return rank == 0 ? 1 : sizes(0, rank - 1, dyn); }
  int64_t rows() const noexcept { return rank == 0 ? 1 : bounds(0, rank - 1); }
  // The last dim; -1: it is dynamic.
  int64_t columns() const noexcept { return rank == 0 ? 1 : is_static(rank - 1) ? dim[rank - 1] : -1; }
};

// Of null: not present.
inline Tensor tensor_of(const bp_value* value) noexcept {
  Tensor out;
  if (value == nullptr) return out;
  out.present = true;
  out.dtype = value->dtype;
  out.layout = value->layout;
  out.rank = value->rank;
  for (uint32_t axis = 0; axis < 6; ++axis) {
    out.dim[axis] = value->dim[axis];
    out.sym[axis] = static_cast<int32_t>(value->dim_sym[axis]) - 1;
  }
  return out;
}

// Of one shape whatever the launch.
inline bool same_shape(const Tensor& a, const Tensor& b) noexcept {
  if (a.rank != b.rank) return false;
  for (uint32_t axis = 0; axis < a.rank; ++axis) {
    if (a.dim[axis] != b.dim[axis] || a.sym[axis] != b.sym[axis]) return false;
  }
  return true;
}

// ---- sizes in device memory ----

// Where the true sizes of a region's symbols come from, for capture-safe rows: that of symbol[i] is
// mul * (the i32 in slot len_slot) + add, or dyn[i] where len_slot is -1.
struct Symbols {
  static constexpr uint32_t kMost = 16;
  struct Symbol {
    int32_t len_slot = -1;
    int64_t mul = 1, add = 0;
  };
  uint32_t n = 0;
  Symbol symbol[kMost];
};

// Null, or why they cannot be had.
inline const char* read_symbols(const bp_region& region, Symbols* out) noexcept {
  if (region.n_sym > Symbols::kMost) return "more dynamic sizes than this plugin takes";
  out->n = region.n_sym;
  for (uint32_t i = 0; i < region.n_sym; ++i) {
    Symbols::Symbol symbol;
    const bp_sym* sym = &at_stride(region.sym, region.sym_stride, i);
    for (uint32_t hops = 0; sym->base >= 0; ++hops) {
      if (hops == Symbols::kMost || sym->base >= static_cast<int32_t>(region.n_sym)) return "a size without a base";
      symbol.add += symbol.mul * sym->add;
      symbol.mul *= sym->mul;
      sym = &at_stride(region.sym, region.sym_stride, static_cast<uint32_t>(sym->base));
    }
    if (sym->len_value >= 0) {
      const uint32_t slot = slot_of(region, sym->len_value);
      if (slot == BP_ABSENT) return "a size in memory without a slot";
      symbol.len_slot = static_cast<int32_t>(slot);
    }
    out->symbol[i] = symbol;
  }
  return nullptr;
}

// ---- the region ----

class RegionView {
 public:
  explicit RegionView(const bp_region& region) noexcept : region_(region) {}

  const bp_region& region() const noexcept { return region_; }
  uint32_t n_slots() const noexcept { return region_.n_arg; }
  // In the order of plan_bind's spans. One that is absent, or past the end, is not present.
  Tensor slot(uint32_t i) const noexcept { return tensor_of(slot_at(region_, i)); }
  // Operand i of a node, wherever it comes from.
  Tensor operand(uint32_t node, uint32_t i) const noexcept {
    const bp_node* found = node_or_null(node);
    return found == nullptr || i >= found->n_in ? Tensor{} : tensor_of(value_at(region_, found->in[i]));
  }

  // Attributes of a node, in pattern order.
  int64_t attr_int(std::string_view key, int64_t otherwise, uint32_t node = 0) const noexcept {
    const bp_node* found = node_or_null(node);
    return found == nullptr ? otherwise : plugin::attr_int(*found, key, otherwise);
  }
  float attr_float(std::string_view key, float otherwise, uint32_t node = 0) const noexcept {
    const bp_node* found = node_or_null(node);
    return found == nullptr ? otherwise : static_cast<float>(plugin::attr_float(*found, key, otherwise));
  }
  // A list and its length in *n; null: no such attribute.
  const int64_t* attr_ints(std::string_view key, uint32_t* n, uint32_t node = 0) const noexcept {
    const bp_node* found = node_or_null(node);
    const bp_attr* attr = found == nullptr ? nullptr : find_attr(*found, key);
    if (attr == nullptr || attr->kind != BP_ATTR_INT) return nullptr;
    *n = attr->n;
    return attr->i;
  }

 private:
  const bp_node* node_or_null(uint32_t i) const noexcept {
    return i < region_.n_node ? &plugin::node_at(region_, i) : nullptr;
  }

  const bp_region& region_;
};

}  // namespace bp::plugin
