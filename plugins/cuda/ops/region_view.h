// A matched region as an op reads it: operands and results by slot, attributes by key, sizes by symbol.
// Valid during the call that was given the region; Tensor and Symbols are plain copies that outlive it.
#pragma once

#include <backplane/plugin.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "portable/extent.h"

namespace bp::cuda {

// Shape and dtype of one slot. Rows are dense.
struct Tensor {
  bool present = false;
  uint16_t dtype = 0;
  uint32_t rank = 0;
  int64_t dim[6] = {};  // the bound where dynamic
  int32_t sym[6] = {};  // index into launch.dyn, -1: static

  bool is_static(uint32_t i) const { return sym[i] < 0; }
  bool is_static() const;
  // Products over [begin, end), of bounds where dynamic.
  int64_t bounds(uint32_t begin, uint32_t end) const;
  int64_t elements() const { return bounds(0, rank); }
  int64_t rows() const { return rank == 0 ? 1 : bounds(0, rank - 1); }
  // The last dim where it is static; else -1.
  int64_t columns() const { return rank == 0 ? 1 : is_static(rank - 1) ? dim[rank - 1] : -1; }
  int n_dynamic(uint32_t begin, uint32_t end) const;
};

// Bytes of one element, or 0 for types that are packed or in blocks.
int element_bytes(uint16_t dtype);
// f32, f16 or bf16.
bool is_plain_float(uint16_t dtype);

// Where the true sizes of a region's symbols come from.
struct Symbols {
  static constexpr uint32_t kMost = 16;
  struct Symbol {
    int32_t len_slot = -1;  // of the region's arguments, -1: launch.dyn says it
    int64_t mul = 1, add = 0;
  };
  uint32_t n = 0;
  Symbol symbol[kMost];
};

class RegionView {
 public:
  explicit RegionView(const bp_region& region) : region_(region) {}

  // Slots as plugin.h orders them: variables, then outputs. A slot that is absent, or past the end, is not present.
  Tensor slot(uint32_t i) const;
  uint32_t n_slots() const { return region_.n_arg; }
  // Null, or why they cannot be had.
  const char* read_symbols(Symbols* out) const;

  int64_t attr_int(std::string_view key, int64_t otherwise) const;
  float attr_float(std::string_view key, float otherwise) const;
  // The list of ints, its length in *n; null: no such attribute.
  const int64_t* attr_ints(std::string_view key, uint32_t* n) const;

 private:
  const bp_attr* attr(std::string_view key) const;  // of the first node
  const bp_sym& sym(uint32_t i) const;
  Tensor value(uint32_t i) const;

  const bp_region& region_;
};

}  // namespace bp::cuda
