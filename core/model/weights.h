// All tensors of a model by name, whichever format they came from; owns the mapped files.
// Movable; thread-safe once open. Views live as long as the object.
// Invariant: no two tensors have the same name; bytes of plain types are aligned to their element.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "model/gguf.h"
#include "model/weight_view.h"

namespace bp {

class Weights {
 public:
  static Result<Weights> from_gguf(GgufFile file);
  // A Hugging Face folder: model.safetensors, or the files that model.safetensors.index.json names.
  static Result<Weights> from_folder(const std::string& folder);

  const WeightView* find(std::string_view name) const;  // null: no such tensor
  const std::vector<WeightView>& all() const { return views_; }
  // Null where the weights came from a folder.
  const GgufFile* gguf() const { return gguf_ ? &*gguf_ : nullptr; }

 private:
  Weights() = default;
  Status add_file(const std::string& path);
  Status add_indexed_files(const std::string& folder, const std::string& index_path);
  void add(WeightView view);

  std::optional<GgufFile> gguf_;
  std::vector<MappedFile> files_;
  std::vector<std::unique_ptr<std::byte[]>> copies_;  // of tensors that their file does not align
  std::vector<WeightView> views_;
  std::unordered_map<std::string, size_t> by_name_;
};

}  // namespace bp
