// The packed weights of this plugin, layout cpu.r16@1: each matrix [n, k] in groups of 16 rows, interleaved so that one
// 64-byte line feeds 16 outputs. [matrices][n / 16, up] of
//   f32    [k][16] f32
//   f16    [k, up to even][16] f16
//   bf16   [k / 2, up][16][2] bf16
//   fp8, i8, u8  [k, up to whole lines][16] bytes
//   u4     [k / 32] of nibbles as blocks have them
//   blocks { [k / block_k] of { [n_halves][16] f16, [n_bytes][16] u8 }, to whole lines of 64 bytes; [k / 32] of planes
//   }
//          where each format has its block_k, n_halves, n_bytes and planes of codes from kernels/weight_format.h
// Rows past n and k past its end are zeros. Bits a weight, file and packed:
//   q8_0 8.5 8.5 · q4_0 4.5 4.5 · q4_1 5 5 · q5_0 5.5 5.5 · q5_1 6 6 · q2_k 2.625 2.625 · q3_k 3.44 3.56 ·
//   q4_k 4.5 4.63 q5_k 5.5 5.63 · q6_k 6.56 6.56 · iq4_nl 4.5 4.5 · iq4_xs 4.25 4.31 · mxfp4 4.25 4.25
// Thread-safety: pure.
#pragma once

#include <backplane/plugin.h>

#include <cstddef>
#include <optional>

#include "kernels/weight_format.h"
#include "thread_team.h"

namespace bp::cpu {

constexpr const char* kWeightLayout = "cpu.r16@1";
std::optional<WeightFormat> format_of_dtype(uint16_t dtype);

struct PackedWeight {
  WeightFormat format;
  int64_t n_matrices;
  int64_t n;  // rows of a matrix
  int64_t k;

  int64_t groups_per_matrix() const { return (n + kGroupRows - 1) / kGroupRows; }
  // 0: k does not fill whole blocks.
  uint64_t size_bytes() const {
    return static_cast<uint64_t>(n_matrices * groups_per_matrix()) * group_bytes(format, k);
  }
  // Whether slices of rows may begin or end at this one.
  bool is_boundary(int64_t row) const { return row == n_matrices * n || row % n % kGroupRows == 0; }
};
// Rows row0 .. row0 + n_rows - 1 of all matrices, from `src`, the whole weight as the file has it, to `dst`, the whole
// packed one. REQUIRES: both ends are boundaries.
void pack_weight(const PackedWeight& weight, const std::byte* src, std::byte* dst, int64_t row0, int64_t n_rows,
                 ThreadTeam& team);

// layout_info and pack of the device table.
bp_status weight_layout_info(bp_device* device, uint32_t layout, const bp_value* value, uint32_t stride, uint32_t n,
                             bp_layout_info* out, bp_err* err) noexcept;
bp_status weight_pack(bp_device* device, const bp_pack* pack, bp_queue* queue, bp_err* err) noexcept;

}  // namespace bp::cpu
