#include "model/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/json.h"

namespace bp {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr size_t kMaxDims = 8;
constexpr size_t kMaxDepth = 8;
constexpr std::string_view kDownloadAgain = "download the file again";

constexpr std::pair<std::string_view, DType> kTypes[] = {
    {"F32", DType::kF32},      {"F16", DType::kF16},   {"BF16", DType::kBF16},       {"F64", DType::kF64},
    {"I8", DType::kI8},        {"U8", DType::kU8},     {"I16", DType::kI16},         {"I32", DType::kI32},
    {"I64", DType::kI64},      {"BOOL", DType::kBool}, {"F8_E4M3", DType::kFp8E4M3}, {"F8_E5M2", DType::kFp8E5M2},
    {"F8_E8M0", DType::kE8M0},
};

// One header entry on its way to a WeightView.
class Entry {
 public:
  Entry(std::string_view name, const std::string& where, std::span<const std::byte> data)
      : name_(name), where_(where), data_(data) {}

  Result<WeightView> read(const json::value& value) const {
    if (!value.is_object()) return refuse("is not described by an object");
    WeightView view;
    view.name = name_;
    BP_TRY(view.dtype, read_dtype(value.get_object()));
    BP_TRY(view.dims, read_shape(value.get_object()));
    BP_TRY(view.bytes, read_extent(value.get_object()));
    const auto needed = tensor_bytes(view.dtype, view.dims);
    if (!needed || *needed != view.bytes.size()) {
      return refuse(
          fmt::format("is {} {} but has {} bytes", dtype_name(view.dtype), dims_text(view.dims), view.bytes.size()));
    }
    return view;
  }

 private:
  std::unexpected<Error> refuse(std::string_view what, std::string_view fix = kDownloadAgain) const {
    return fail(ErrorCode::kRefused, where_, fmt::format("tensor {} {}", name_, what), std::string(fix));
  }

  Result<DType> read_dtype(const json::object& entry) const {
    const json::value* dtype = entry.if_contains("dtype");
    if (dtype == nullptr || !dtype->is_string()) return refuse("has no dtype");
    const std::string_view name = dtype->get_string();
    for (const auto& [known, value] : kTypes) {
      if (known == name) return value;
    }
    return fail(ErrorCode::kUnsupported, where_, fmt::format("tensor {} has the dtype {}", name_, name),
                "that element type is not supported");
  }

  static std::optional<int64_t> size_of(const json::value& value) {
    if (!value.is_int64() || value.get_int64() < 0) return std::nullopt;  // larger ones are uint64, beyond any file
    return value.get_int64();
  }

  Result<std::vector<int64_t>> read_shape(const json::object& entry) const {
    const json::value* shape = entry.if_contains("shape");
    if (shape == nullptr || !shape->is_array()) return refuse("has no shape");
    if (shape->get_array().size() > kMaxDims) return refuse("has too many dimensions");
    std::vector<int64_t> dims;
    for (const json::value& value : shape->get_array()) {
      const auto dim = size_of(value);
      if (!dim) return refuse("has a dimension that is no size");
      dims.push_back(*dim);
    }
    return dims;
  }

  Result<std::span<const std::byte>> read_extent(const json::object& entry) const {
    const json::value* offsets = entry.if_contains("data_offsets");
    if (offsets == nullptr || !offsets->is_array() || offsets->get_array().size() != 2) {
      return refuse("has no data_offsets");
    }
    const auto begin = size_of(offsets->get_array()[0]);
    const auto end = size_of(offsets->get_array()[1]);
    if (!begin || !end || *begin > *end) return refuse("has data_offsets that are no extent");
    if (static_cast<uint64_t>(*end) > data_.size()) {
      return refuse(fmt::format("ends at byte {} of {}", *end, data_.size()),
                    "the file is truncated, download it again");
    }
    return data_.subspan(static_cast<size_t>(*begin), static_cast<size_t>(*end - *begin));
  }

  std::string_view name_;
  const std::string& where_;
  std::span<const std::byte> data_;
};

// The JSON text, and in `data` what follows it.
Result<std::string_view> header_text(std::span<const std::byte> bytes, const std::string& where,
                                     std::span<const std::byte>& data) {
  uint64_t size = 0;
  if (bytes.size() < sizeof(size)) {
    return fail(ErrorCode::kRefused, where, fmt::format("has {} bytes, too few for a safetensors file", bytes.size()),
                std::string(kDownloadAgain));
  }
  std::memcpy(&size, bytes.data(), sizeof(size));
  if (size > bytes.size() - sizeof(size) || size > kMaxHeaderBytes) {
    return fail(ErrorCode::kRefused, where,
                fmt::format("claims a header of {} bytes in a file of {}", size, bytes.size()),
                "the file is truncated or no safetensors file, download it again");
  }
  data = bytes.subspan(sizeof(size) + size);
  return std::string_view(reinterpret_cast<const char*>(bytes.data() + sizeof(size)), size);
}

}  // namespace

Result<std::vector<WeightView>> read_safetensors(std::span<const std::byte> bytes, const std::string& where) {
  std::span<const std::byte> data;
  BP_TRY(const auto text, header_text(bytes, where, data));
  BP_TRY(const auto header, parse_json(text, where, {.max_bytes = kMaxHeaderBytes, .max_depth = kMaxDepth}));
  if (!header.is_object()) {
    return fail(ErrorCode::kRefused, where, "has a header that is no JSON object", std::string(kDownloadAgain));
  }
  std::vector<WeightView> tensors;
  for (const auto& [name, value] : header.get_object()) {
    if (name == "__metadata__") continue;
    BP_TRY(auto tensor, Entry(name, where, data).read(value));
    tensors.push_back(std::move(tensor));
  }
  std::ranges::sort(tensors, {},
                    [](const WeightView& tensor) { return std::pair(tensor.bytes.data(), tensor.bytes.size()); });
  for (size_t i = 1; i < tensors.size(); ++i) {
    const WeightView& before = tensors[i - 1];
    if (before.bytes.data() + before.bytes.size() > tensors[i].bytes.data()) {
      return fail(ErrorCode::kRefused, where, fmt::format("tensors {} and {} overlap", before.name, tensors[i].name),
                  std::string(kDownloadAgain));
    }
  }
  return tensors;
}

}  // namespace bp
