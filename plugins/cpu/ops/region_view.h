// A matched region as an op reads it: operands and results by slot, attributes by key.
// Valid during the call that was given the region; Tensor is a plain copy that outlives it.
#pragma once

#include <backplane/plugin.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace bp::cpu {

// Shape and dtype of one slot. Rows are dense.
struct Tensor {
  bool present = false;
  uint16_t dtype = 0;
  uint32_t layout = 0;  // 0: as the file has it
  uint32_t rank = 0;
  int64_t dim[6] = {};  // the bound where dynamic
  int32_t sym[6] = {};  // index into launch.dyn, -1: static

  // The true extent of a dim in this launch.
  int64_t size(uint32_t i, const int64_t* dyn) const { return sym[i] < 0 ? dim[i] : dyn[sym[i]]; }
  // Products over [begin, end).
  int64_t sizes(uint32_t begin, uint32_t end, const int64_t* dyn) const;
  int64_t bounds(uint32_t begin, uint32_t end) const;
  int64_t elements(const int64_t* dyn) const { return sizes(0, rank, dyn); }
  // Over all dims but the last.
  int64_t rows(const int64_t* dyn) const { return rank == 0 ? 1 : sizes(0, rank - 1, dyn); }
  bool is_static(uint32_t i) const { return sym[i] < 0; }
  // The last dim, where it is static and not dynamic; else -1.
  int64_t columns() const { return rank == 0 ? 1 : is_static(rank - 1) ? dim[rank - 1] : -1; }
};

// Bytes of n elements in a row, or 0 for dtypes this plugin does not read. REQUIRES: n is a whole number of blocks.
uint64_t row_bytes(uint16_t dtype, int64_t n);
// Bytes of one element, or 0 for types that are packed or in blocks.
int64_t element_bytes(uint16_t dtype);
// f32, f16 or bf16.
bool is_plain_float(uint16_t dtype);

class RegionView {
 public:
  explicit RegionView(const bp_region& region) : region_(region) {}

  // Slots as plugin.h orders them: variables, then outputs. A slot that is absent, or past the end, is not present.
  Tensor slot(uint32_t i) const;
  // Operand i of a node, wherever it comes from.
  Tensor operand(uint32_t node, uint32_t i) const;
  uint32_t n_slots() const { return region_.n_arg; }
  uint32_t n_inputs(uint32_t node) const { return node_at(node).n_in; }

  std::optional<int64_t> attr_int(uint32_t node, std::string_view key) const;
  std::optional<double> attr_float(uint32_t node, std::string_view key) const;
  // The list of ints, its length in *n; null: no such attribute.
  const int64_t* attr_ints(uint32_t node, std::string_view key, uint32_t* n) const;

 private:
  const bp_node& node_at(uint32_t i) const;
  const bp_attr* attr(uint32_t node, std::string_view key) const;
  Tensor value(uint32_t i) const;

  const bp_region& region_;
};

}  // namespace bp::cpu
