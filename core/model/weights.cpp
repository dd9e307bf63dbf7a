#include "model/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <set>

#include "base/json.h"
#include "model/safetensors.h"
#include "model/torch_file.h"

namespace bp {
namespace {

constexpr size_t kMaxIndexBytes = size_t{64} << 20;
constexpr size_t kIndexDepth = 8;

bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name.find_first_of("/\\") == std::string_view::npos && name != "." && name != ".." &&
         name.find('\0') == std::string_view::npos;
}

}  // namespace

Result<Weights> Weights::from_gguf(GgufFile file) {
  Weights weights;
  weights.path_ = file.path();
  weights.gguf_.emplace(std::move(file));
  for (const WeightView& view : weights.gguf_->tensors()) weights.add(view);
  return weights;
}

Result<Weights> Weights::from_folder(const std::string& folder) {
  Weights weights;
  weights.path_ = folder;
  for (const char* name : {"model.safetensors", "pytorch_model.bin"}) {
    const std::string single = fmt::format("{}/{}", folder, name), index = single + ".index.json";
    std::error_code error;
    if (std::filesystem::exists(single, error)) {
      BP_TRY_VOID(weights.add_file(single));
      return weights;
    }
    if (std::filesystem::exists(index, error)) {
      BP_TRY_VOID(weights.add_indexed_files(folder, index));
      return weights;
    }
  }
  return fail(ErrorCode::kRefused, folder,
              "has no weights: model.safetensors or pytorch_model.bin, or the .index.json of either",
              "name a GGUF file or a folder with weights");
}

const WeightView* Weights::find(std::string_view name) const {
  const auto found = views_.find(name);
  return found == views_.end() ? nullptr : &found->second;
}

Result<std::span<std::byte>> Weights::make(std::string name, DType dtype, std::vector<int64_t> dims) {
  const auto n_bytes = tensor_bytes(dtype, dims);
  if (!n_bytes) {
    return fail(ErrorCode::kRefused, name, fmt::format("cannot be {} {}", dims_text(dims), dtype_name(dtype)),
                "download the model again");
  }
  auto& bytes = owned_.emplace_back(std::make_unique<std::byte[]>(*n_bytes));
  const std::span<std::byte> span(bytes.get(), *n_bytes);
  views_[name] = {name, dtype, std::move(dims), span};
  return span;
}

void Weights::add(WeightView view) {
  const DTypeInfo& info = dtype_info(view.dtype);
  // Devices read plain numbers in place. safetensors aligns its data only by convention.
  if (info.block_elements == 1 && reinterpret_cast<uintptr_t>(view.bytes.data()) % info.block_bytes != 0) {
    auto& copy = owned_.emplace_back(std::make_unique<std::byte[]>(view.bytes.size()));
    std::memcpy(copy.get(), view.bytes.data(), view.bytes.size());
    view.bytes = {copy.get(), view.bytes.size()};
  }
  const std::string name = view.name;
  views_[name] = std::move(view);
}

void Weights::remove(std::string_view name) { take(name); }

void Weights::release(std::string_view name) {
  const auto view = take(name);
  if (!view) return;
  std::erase_if(owned_, [&](const auto& bytes) { return bytes.get() == view->bytes.data(); });
}

std::optional<WeightView> Weights::take(std::string_view name) {
  const auto found = views_.find(name);
  if (found == views_.end()) return std::nullopt;
  WeightView view = std::move(found->second);
  views_.erase(found);
  return view;
}

Status Weights::add_file(const std::string& path) {
  BP_TRY(auto mapped, MappedFile::open(path));
  std::vector<WeightView> tensors;
  if (path.ends_with(".bin") || path.ends_with(".pt") || path.ends_with(".pth")) {
    BP_TRY(auto file, read_torch_file(mapped.bytes(), path));
    tensors = std::move(file.tensors);
    std::ranges::move(file.copies, std::back_inserter(owned_));
  } else {
    BP_TRY(tensors, read_safetensors(mapped.bytes(), path));
  }
  files_.push_back(std::move(mapped));
  for (WeightView& tensor : tensors) {
    if (views_.contains(tensor.name)) {
      return fail(ErrorCode::kRefused, path, fmt::format("tensor {} is in another file too", tensor.name),
                  "download the model again");
    }
    add(std::move(tensor));
  }
  return {};
}

Status Weights::add_indexed_files(const std::string& folder, const std::string& index_path) {
  BP_TRY(const auto text, read_text_file(index_path, kMaxIndexBytes));
  BP_TRY(const auto index, parse_json(text, index_path, {.max_bytes = kMaxIndexBytes, .max_depth = kIndexDepth}));
  const json::value* map = index.is_object() ? index.get_object().if_contains("weight_map") : nullptr;
  if (map == nullptr || !map->is_object()) {
    return fail(ErrorCode::kRefused, index_path, "has no weight_map", "download the file again");
  }
  std::set<std::string> names;
  for (const auto& [tensor, file] : map->get_object()) {
    if (!file.is_string() || !is_plain_file_name(std::string_view(file.get_string()))) {
      return fail(
          ErrorCode::kRefused, index_path,
          fmt::format("tensor {} is in {}, which is no plain file name", std::string_view(tensor), write_json(file)),
          "weights lie in the folder itself; correct the index");
    }
    names.emplace(file.get_string());
  }
  for (const std::string& name : names) BP_TRY_VOID(add_file(folder + "/" + name));
  for (const auto& [tensor, file] : map->get_object()) {
    if (find(tensor) == nullptr) {
      return fail(ErrorCode::kRefused, index_path,
                  fmt::format("tensor {} is not in {}", std::string_view(tensor), std::string_view(file.get_string())),
                  "download the model again");
    }
  }
  return {};
}

}  // namespace bp
