// A GGUF model (versions 2 and 3, little-endian): one file, or the shards of a split one, mapped read-only.
// Movable; thread-safe once open. Tensor bytes and metadata views live as long as the object.
// Invariant: every tensor lies inside its file, and no two have the same name.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "model/gguf_metadata.h"
#include "model/weight_view.h"

namespace bp {

class GgufFile {
 public:
  // `path`: a file, or the first shard ("…-00001-of-0000N.gguf"), whose siblings are opened with it.
  // Errors: kRefused for anything malformed or missing, kUnsupported for a tensor type this build cannot name.
  static Result<GgufFile> open(const std::string& path);

  // Of the first shard.
  const GgufMetadata& metadata() const { return metadata_; }
  // In the order of the files.
  const std::vector<WeightView>& tensors() const { return tensors_; }
  const std::string& path() const { return path_; }

 private:
  GgufFile() = default;
  Status open_shards(int64_t n_shards);
  Status add_shard(const std::string& path, int64_t shard_idx, int64_t n_shards);

  std::string path_;
  std::vector<MappedFile> files_;
  GgufMetadata metadata_;
  std::vector<WeightView> tensors_;
};

}  // namespace bp
