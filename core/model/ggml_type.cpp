#include "model/ggml_type.h"

#include <fmt/format.h>

#include <array>

namespace bp {
namespace {

struct GgmlType {
  uint32_t number;
  std::string_view name;
  DType dtype;  // kInvalid: not supported
};

constexpr std::array kTypes = {
    GgmlType{0, "F32", DType::kF32},          GgmlType{1, "F16", DType::kF16},
    GgmlType{2, "Q4_0", DType::kQ4_0},        GgmlType{3, "Q4_1", DType::kQ4_1},
    GgmlType{6, "Q5_0", DType::kQ5_0},        GgmlType{7, "Q5_1", DType::kQ5_1},
    GgmlType{8, "Q8_0", DType::kQ8_0},        GgmlType{9, "Q8_1", DType::kInvalid},
    GgmlType{10, "Q2_K", DType::kQ2_K},       GgmlType{11, "Q3_K", DType::kQ3_K},
    GgmlType{12, "Q4_K", DType::kQ4_K},       GgmlType{13, "Q5_K", DType::kQ5_K},
    GgmlType{14, "Q6_K", DType::kQ6_K},       GgmlType{15, "Q8_K", DType::kInvalid},
    GgmlType{16, "IQ2_XXS", DType::kInvalid}, GgmlType{17, "IQ2_XS", DType::kInvalid},
    GgmlType{18, "IQ3_XXS", DType::kInvalid}, GgmlType{19, "IQ1_S", DType::kInvalid},
    GgmlType{20, "IQ4_NL", DType::kIQ4_NL},   GgmlType{21, "IQ3_S", DType::kInvalid},
    GgmlType{22, "IQ2_S", DType::kInvalid},   GgmlType{23, "IQ4_XS", DType::kIQ4_XS},
    GgmlType{24, "I8", DType::kI8},           GgmlType{25, "I16", DType::kI16},
    GgmlType{26, "I32", DType::kI32},         GgmlType{27, "I64", DType::kI64},
    GgmlType{28, "F64", DType::kF64},         GgmlType{29, "IQ1_M", DType::kInvalid},
    GgmlType{30, "BF16", DType::kBF16},       GgmlType{34, "TQ1_0", DType::kInvalid},
    GgmlType{35, "TQ2_0", DType::kInvalid},   GgmlType{39, "MXFP4", DType::kMXFP4},
    GgmlType{40, "NVFP4", DType::kInvalid},   GgmlType{41, "Q1_0", DType::kInvalid},
    GgmlType{42, "Q2_0", DType::kInvalid},
};

}  // namespace

Result<DType> dtype_of_ggml(uint32_t type, const std::string& where, std::string_view tensor) {
  for (const GgmlType& known : kTypes) {
    if (known.number != type) continue;
    if (known.dtype != DType::kInvalid) return known.dtype;
    return fail(ErrorCode::kUnsupported, where, fmt::format("tensor {} has the type {}", tensor, known.name),
                "that weight type is not supported; take another quantisation of the model");
  }
  return fail(ErrorCode::kRefused, where, fmt::format("tensor {} has the unknown type {}", tensor, type),
              "the file is damaged or newer than this program");
}

std::optional<uint32_t> ggml_type_of(DType dtype) {
  for (const GgmlType& known : kTypes) {
    if (known.dtype == dtype && dtype != DType::kInvalid) return known.number;
  }
  return std::nullopt;
}

}  // namespace bp
