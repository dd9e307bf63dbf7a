// All tensors of a model by GGUF's names, whichever format they came from; owns the mapped files and what was made out
// of them. Movable; thread-safe once open. Views live as long as the object, or until they are replaced.
// Invariant: no two tensors have the same name; bytes of plain types are aligned to their element.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "model/gguf.h"
#include "model/weight_view.h"

namespace bp {

class Weights {
 public:
  static Result<Weights> from_gguf(GgufFile file);
  // A Hugging Face folder: model.safetensors, or the files that model.safetensors.index.json names; where it has
  // neither, pytorch_model.bin alike. The tensors have the names of the files.
  static Result<Weights> from_folder(const std::string& folder);

  const WeightView* find(std::string_view name) const;  // null: no such tensor
  const std::map<std::string, WeightView, std::less<>>& all() const { return views_; }
  // The GGUF file or the folder, for errors.
  const std::string& path() const { return path_; }
  // Null where the weights came from a folder.
  const GgufFile* gguf() const { return gguf_ ? &*gguf_ : nullptr; }

  // The rest is for bringing tensors into GGUF's form, before anybody reads them.

  // A new tensor, replacing one of that name; its bytes are to be filled in. Errors: kRefused where the size overflows.
  Result<std::span<std::byte>> make(std::string name, DType dtype, std::vector<int64_t> dims);
  // A tensor whose bytes lie in another one, replacing one of that name.
  void add(WeightView view);
  void remove(std::string_view name);
  // The same, and frees its bytes where they were made. REQUIRES: no other tensor lies in them.
  void release(std::string_view name);
  // The tensor under that name now; its bytes stay where they are. Null: no such tensor.
  std::optional<WeightView> take(std::string_view name);

 private:
  Weights() = default;
  Status add_file(const std::string& path);
  Status add_indexed_files(const std::string& folder, const std::string& index_path);

  std::string path_;
  std::optional<GgufFile> gguf_;
  std::vector<MappedFile> files_;
  std::vector<std::unique_ptr<std::byte[]>> owned_;  // bytes of tensors that were made, or that their file misaligns
  std::map<std::string, WeightView, std::less<>> views_;
};

}  // namespace bp
