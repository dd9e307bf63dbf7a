#include "model/quantize_plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace bp {
namespace {

struct FileType {
  DType dtype;
  uint32_t number;  // of general.file_type
};

constexpr std::array kTypes = {
    FileType{DType::kF32, 0},   FileType{DType::kF16, 1},    FileType{DType::kBF16, 32}, FileType{DType::kQ8_0, 7},
    FileType{DType::kQ4_0, 2},  FileType{DType::kQ4_1, 3},   FileType{DType::kQ5_0, 8},  FileType{DType::kQ5_1, 9},
    FileType{DType::kQ2_K, 10}, FileType{DType::kQ3_K, 11},  FileType{DType::kQ4_K, 14}, FileType{DType::kQ5_K, 16},
    FileType{DType::kQ6_K, 18}, FileType{DType::kMXFP4, 38},
};

double bits_per_element(DType dtype) {
  const DTypeInfo& info = dtype_info(dtype);
  return 8.0 * static_cast<double>(info.block_bytes) / static_cast<double>(info.block_elements);
}

// Small, and what goes wrong in them goes wrong everywhere.
bool stays_as_it_is(std::string_view name) {
  constexpr std::array<std::string_view, 6> kParts = {"_norm.",       "ffn_gate_inp", "position_embd.",
                                                      "token_types.", "rope_freqs.",  ".attn_sinks"};
  return !name.ends_with(".weight") ||
         std::ranges::any_of(kParts, [&](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

bool is_embedding_or_head(std::string_view name) { return name == "token_embd.weight" || name == "output.weight"; }

bool fills_blocks(const WeightView& tensor, DType dtype) {
  return tensor.dims.back() % static_cast<int64_t>(dtype_info(dtype).block_elements) == 0;
}

}  // namespace

std::optional<DType> parse_quantize_type(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  const auto dtype = parse_dtype(lower);
  const bool known = dtype && std::ranges::any_of(kTypes, [&](const FileType& type) { return type.dtype == *dtype; });
  return known ? dtype : std::nullopt;
}

std::string quantize_type_names() {
  std::vector<std::string_view> names;
  for (const FileType& type : kTypes) names.push_back(dtype_name(type.dtype));
  return fmt::format("{}", fmt::join(names, ", "));
}

uint32_t gguf_file_type(DType type) {
  return std::ranges::find(kTypes, type, &FileType::dtype)->number;  // REQUIRES: parse_quantize_type() gave it
}

TensorPlan plan_tensor(const WeightView& tensor, DType type, bool pure) {
  const DType from = tensor.dtype;
  const bool numbers = is_float(from) || is_block(from);
  if (tensor.dims.size() < 2) return {is_float(from) ? DType::kF32 : from};
  if (!numbers || stays_as_it_is(tensor.name)) return {from == DType::kF64 ? DType::kF32 : from};
  DType wanted = type;
  if (!pure && is_embedding_or_head(tensor.name) && bits_per_element(type) < bits_per_element(DType::kQ6_K)) {
    wanted = DType::kQ6_K;
  }
  TensorPlan plan{wanted};
  if (!fills_blocks(tensor, plan.type)) plan = {DType::kQ8_0, true};
  if (!fills_blocks(tensor, plan.type)) plan = {DType::kF16, true};
  if (is_block(from) && !is_float(type) && bits_per_element(plan.type) >= bits_per_element(from)) return {from};
  return plan;
}

}  // namespace bp
