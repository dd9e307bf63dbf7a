// The packed weights of this plugin: groups of 16 rows, interleaved so that one 64-byte line feeds 16 outputs.
//   cpu.f32_r16@1    [n / 16, up][k][16] f32
//   cpu.f16_r16@1    [n / 16, up][k, up to even][16] f16
//   cpu.bf16_r16@1   [n / 16, up][k / 2, up][16][2] bf16
//   cpu.q8_0_r16@1   [n / 16, up] of { [k / 32][16] f16 scale, to a multiple of 64 bytes; [k / 32][8][16][4] u8 value +
//   128 } cpu.q4_0_r16@1   the same scales; [k / 32][4][16][4] bytes as the file has them: low nibbles k + 0 .. 15,
//   high + 16 .. 31 cpu.q4_1_r16@1   { [k / 32][2][16] f16 scale, minimum; } and bytes as q4_0
// Rows past n and k past its end are zeros. Thread-safety: pure.
#pragma once

#include <backplane/plugin.h>

#include <cstddef>
#include <optional>

#include "kernels/matmul.h"
#include "thread_team.h"

namespace bp::cpu {

constexpr int kWeightFormats = 6;
const char* layout_name(WeightFormat format);
uint16_t layout_dtype(WeightFormat format);
std::optional<WeightFormat> format_of_dtype(uint16_t dtype);

// Of one group of 16 rows; 0: k does not fill whole blocks.
uint64_t group_bytes(WeightFormat format, int64_t k);

struct PackWeight {
  WeightFormat format;
  int64_t n;  // rows of the whole weight
  int64_t k;
  const std::byte* src;  // the whole weight as the file has it
  std::byte* dst;        // the whole packed weight
};
// Rows row0 .. row0 + n_rows - 1. REQUIRES: row0 is a multiple of 16, and so is n_rows but at the end.
void pack_weight(const PackWeight& weight, int64_t row0, int64_t n_rows, ThreadTeam& team);

// layout_info and pack of the device table.
bp_status weight_layout_info(bp_device* device, uint32_t layout, const bp_value* value, uint32_t stride, uint32_t n,
                             bp_layout_info* out, bp_err* err) noexcept;
bp_status weight_pack(bp_device* device, const bp_pack* pack, bp_queue* queue, bp_err* err) noexcept;

}  // namespace bp::cpu
