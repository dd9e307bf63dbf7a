#include "model/gguf.h"

#include <fmt/format.h>

#include <unordered_set>

#include "model/gguf_reader.h"

namespace bp {
namespace {

constexpr int64_t kMaxShards = 99999;  // five digits in the name

std::string shard_suffix(int64_t shard_idx, int64_t n_shards) {
  return fmt::format("-{:05}-of-{:05}.gguf", shard_idx + 1, n_shards);
}

}  // namespace

Result<GgufFile> GgufFile::open(const std::string& path) {
  GgufFile file;
  file.path_ = path;
  BP_TRY(auto mapped, MappedFile::open(path));
  BP_TRY(auto shard, read_gguf(mapped.bytes(), path));
  file.files_.push_back(std::move(mapped));
  file.metadata_ = std::move(shard.metadata);
  file.tensors_ = std::move(shard.tensors);
  BP_TRY(const auto n_shards, file.metadata_.get_or<int64_t>("split.count", 1));
  if (n_shards < 0 || n_shards > kMaxShards) {
    return fail(ErrorCode::kRefused, path, fmt::format("split.count = {}", n_shards), "download the model again");
  }
  if (n_shards > 1) BP_TRY_VOID(file.open_shards(n_shards));
  return file;
}

Status GgufFile::open_shards(int64_t n_shards) {
  BP_TRY(const auto shard_idx, metadata_.get<int64_t>("split.no"));
  const std::string suffix = shard_suffix(0, n_shards);
  if (shard_idx != 0 || !path_.ends_with(suffix)) {
    return fail(ErrorCode::kRefused, path_, fmt::format("is shard {} of {}", shard_idx + 1, n_shards),
                fmt::format("name the first shard, whose name ends in {}", suffix));
  }
  const std::string stem = path_.substr(0, path_.size() - suffix.size());
  for (int64_t i = 1; i < n_shards; ++i) BP_TRY_VOID(add_shard(stem + shard_suffix(i, n_shards), i, n_shards));

  std::unordered_set<std::string_view> names;
  for (const WeightView& tensor : tensors_) {
    if (!names.insert(tensor.name).second) {
      return fail(ErrorCode::kRefused, path_, fmt::format("tensor {} is in two shards", tensor.name),
                  "download the model again");
    }
  }
  BP_TRY(const auto n_tensors, metadata_.get_or<uint64_t>("split.tensors.count", tensors_.size()));
  if (n_tensors != tensors_.size()) {
    return fail(ErrorCode::kRefused, path_,
                fmt::format("the shards hold {} tensors, split.tensors.count = {}", tensors_.size(), n_tensors),
                "download the model again");
  }
  return {};
}

Status GgufFile::add_shard(const std::string& path, int64_t shard_idx, int64_t n_shards) {
  BP_TRY(auto mapped, MappedFile::open(path));
  BP_TRY(auto shard, read_gguf(mapped.bytes(), path));
  BP_TRY(const auto own_idx, shard.metadata.get<int64_t>("split.no"));
  BP_TRY(const auto own_count, shard.metadata.get<int64_t>("split.count"));
  if (own_idx != shard_idx || own_count != n_shards) {
    return fail(ErrorCode::kRefused, path,
                fmt::format("says it is shard {} of {}, not {} of {}", own_idx, own_count, shard_idx, n_shards),
                "download the model again");
  }
  files_.push_back(std::move(mapped));
  for (WeightView& tensor : shard.tensors) tensors_.push_back(std::move(tensor));
  return {};
}

}  // namespace bp
