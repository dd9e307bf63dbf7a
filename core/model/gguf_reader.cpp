#include "model/gguf_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "model/ggml_type.h"

namespace bp {
namespace {

constexpr uint64_t kDefaultAlignment = 32;
constexpr uint64_t kMaxAlignment = 65536;
constexpr uint64_t kMaxNameBytes = 65535;  // the format's limit of keys
constexpr uint32_t kMaxDims = 4;
constexpr std::string_view kDownloadAgain = "the file is truncated, download it again";
constexpr std::string_view kWriteAgain = "the file is damaged, download or write it again";

struct TensorInfo {
  WeightView view;
  uint64_t offset = 0;
  uint64_t n_bytes = 0;
};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  Result<GgufShard> read();

 private:
  struct Counts {
    uint64_t n_tensors = 0;
    uint64_t n_keys = 0;
  };

  Result<Counts> read_head();
  Status read_entry(GgufMetadata& metadata);
  Result<GgufValue> read_value(std::string_view key);
  Result<GgufValue> read_array(std::string_view key);
  Result<GgufType> read_type(std::string_view key);
  Result<TensorInfo> read_tensor();
  Status place_tensors(std::vector<TensorInfo>& infos, uint64_t alignment);

  size_t left() const { return bytes_.size() - at_; }
  std::unexpected<Error> refuse(std::string what, std::string_view fix = kWriteAgain) const {
    return fail(ErrorCode::kRefused, where_, std::move(what), std::string(fix));
  }

  // `what` names what is being read, for the error.
  Result<std::span<const std::byte>> take(uint64_t n, std::string_view what) {
    if (n > left()) {
      return refuse(fmt::format("{} needs {} bytes at byte {} of {}", what, n, at_, bytes_.size()), kDownloadAgain);
    }
    const auto taken = bytes_.subspan(at_, n);
    at_ += n;
    return taken;
  }

  template <class T>
  Result<T> number(std::string_view what) {
    BP_TRY(const auto taken, take(sizeof(T), what));
    T value;
    std::memcpy(&value, taken.data(), sizeof(T));
    return value;
  }

  Result<std::span<const std::byte>> string_bytes(std::string_view what) {
    BP_TRY(const auto size, number<uint64_t>(what));
    return take(size, what);
  }

  Result<std::string_view> name(std::string_view what) {
    BP_TRY(const auto taken, string_bytes(what));
    if (taken.empty() || taken.size() > kMaxNameBytes) {
      return refuse(fmt::format("{} at byte {} has {} bytes", what, at_ - taken.size(), taken.size()));
    }
    return std::string_view(reinterpret_cast<const char*>(taken.data()), taken.size());
  }

  std::span<const std::byte> bytes_;
  const std::string& where_;
  size_t at_ = 0;  // invariant: <= bytes_.size()
};

Result<Reader::Counts> Reader::read_head() {
  if (bytes_.size() < 4 || std::memcmp(bytes_.data(), "GGUF", 4) != 0) {
    return refuse("is not a GGUF file (it does not begin with \"GGUF\")", "name a .gguf file or a model folder");
  }
  at_ = 4;
  BP_TRY(const auto version, number<uint32_t>("the version"));
  if (version != 2 && version != 3) {
    const bool swapped = version == 0x02000000u || version == 0x03000000u;
    return refuse(swapped ? std::string("is a big-endian GGUF file") : fmt::format("GGUF version {}", version),
                  "versions 2 and 3, little-endian, can be read; convert the model again");
  }
  Counts counts;
  BP_TRY(counts.n_tensors, number<uint64_t>("the tensor count"));
  BP_TRY(counts.n_keys, number<uint64_t>("the key count"));
  // The smallest key: length, one character, type, one byte. The smallest tensor: name, n_dims, one dimension, type,
  // offset.
  constexpr uint64_t kSmallestKey = 8 + 1 + 4 + 1;
  constexpr uint64_t kSmallestTensor = 8 + 1 + 4 + 8 + 4 + 8;
  if (counts.n_keys > left() / kSmallestKey || counts.n_tensors > left() / kSmallestTensor) {
    return refuse(
        fmt::format("claims {} keys and {} tensors in {} bytes", counts.n_keys, counts.n_tensors, bytes_.size()),
        kDownloadAgain);
  }
  return counts;
}

Result<GgufType> Reader::read_type(std::string_view key) {
  BP_TRY(const auto type, number<uint32_t>(key));
  if (type > static_cast<uint32_t>(GgufType::kF64)) {
    return refuse(fmt::format("metadata key {} has the unknown type {}", key, type));
  }
  return static_cast<GgufType>(type);
}

Result<GgufValue> Reader::read_array(std::string_view key) {
  GgufValue value;
  value.is_array = true;
  BP_TRY(value.type, read_type(key));
  BP_TRY(value.count, number<uint64_t>(key));
  if (value.type == GgufType::kArray) return refuse(fmt::format("metadata key {} is an array of arrays", key));
  if (value.type != GgufType::kString) {
    uint64_t n_bytes = 0;
    if (__builtin_mul_overflow(value.count, gguf_type_bytes(value.type), &n_bytes)) n_bytes = UINT64_MAX;
    BP_TRY(value.bytes, take(n_bytes, key));
    return value;
  }
  const size_t begin = at_;
  for (uint64_t i = 0; i < value.count; ++i) BP_TRY_VOID(string_bytes(key));
  value.bytes = bytes_.subspan(begin, at_ - begin);
  return value;
}

Result<GgufValue> Reader::read_value(std::string_view key) {
  GgufValue value;
  BP_TRY(value.type, read_type(key));
  if (value.type == GgufType::kArray) return read_array(key);
  if (value.type == GgufType::kString) {
    BP_TRY(value.bytes, string_bytes(key));
  } else {
    BP_TRY(value.bytes, take(gguf_type_bytes(value.type), key));
  }
  return value;
}

Status Reader::read_entry(GgufMetadata& metadata) {
  BP_TRY(const auto key, name("a metadata key"));
  BP_TRY(const auto value, read_value(key));
  return metadata.add(key, value);
}

Result<TensorInfo> Reader::read_tensor() {
  TensorInfo info;
  BP_TRY(const auto tensor_name, name("a tensor name"));
  info.view.name = tensor_name;
  BP_TRY(const auto n_dims, number<uint32_t>(tensor_name));
  if (n_dims == 0 || n_dims > kMaxDims) {
    return refuse(fmt::format("tensor {} has {} dimensions (1 to {} are possible)", tensor_name, n_dims, kMaxDims));
  }
  for (uint32_t i = 0; i < n_dims; ++i) {
    BP_TRY(const auto dim, number<uint64_t>(tensor_name));
    if (dim == 0 || dim > INT64_MAX) return refuse(fmt::format("tensor {} has a dimension of {}", tensor_name, dim));
    info.view.dims.insert(info.view.dims.begin(), static_cast<int64_t>(dim));
  }
  BP_TRY(const auto type, number<uint32_t>(tensor_name));
  BP_TRY(info.offset, number<uint64_t>(tensor_name));
  BP_TRY(info.view.dtype, dtype_of_ggml(type, where_, tensor_name));
  const auto n_bytes = tensor_bytes(info.view.dtype, info.view.dims);
  if (!n_bytes) {
    return refuse(fmt::format("tensor {} {} does not fill whole blocks of {}, or its size overflows", tensor_name,
                              dims_text(info.view.dims), dtype_name(info.view.dtype)));
  }
  info.n_bytes = *n_bytes;
  return info;
}

Status Reader::place_tensors(std::vector<TensorInfo>& infos, uint64_t alignment) {
  const uint64_t data_begin = (at_ + alignment - 1) / alignment * alignment;
  std::vector<const TensorInfo*> in_order;
  for (TensorInfo& info : infos) {
    if (info.offset % alignment != 0) {
      return refuse(fmt::format("tensor {} has the offset {}, which is not a multiple of the alignment {}",
                                info.view.name, info.offset, alignment));
    }
    uint64_t end = 0;
    if (__builtin_add_overflow(data_begin, info.offset, &end) || __builtin_add_overflow(end, info.n_bytes, &end)) {
      return refuse(fmt::format("tensor {} ends beyond any file", info.view.name));
    }
    if (end > bytes_.size()) {
      return refuse(fmt::format("tensor {} ends at byte {} of {}", info.view.name, end, bytes_.size()), kDownloadAgain);
    }
    info.view.bytes = bytes_.subspan(data_begin + info.offset, info.n_bytes);
    in_order.push_back(&info);
  }
  std::ranges::sort(in_order, {}, &TensorInfo::offset);
  for (size_t i = 1; i < in_order.size(); ++i) {
    const TensorInfo& before = *in_order[i - 1];
    if (before.offset + before.n_bytes > in_order[i]->offset) {
      return refuse(fmt::format("tensors {} and {} overlap", before.view.name, in_order[i]->view.name));
    }
  }
  return {};
}

Result<GgufShard> Reader::read() {
  BP_TRY(const Counts counts, read_head());
  GgufShard shard;
  shard.metadata = GgufMetadata(where_);
  for (uint64_t i = 0; i < counts.n_keys; ++i) BP_TRY_VOID(read_entry(shard.metadata));
  BP_TRY(const auto alignment, shard.metadata.get_or<uint64_t>("general.alignment", kDefaultAlignment));
  if (alignment < 8 || alignment > kMaxAlignment || (alignment & (alignment - 1)) != 0) {
    return refuse(fmt::format("general.alignment = {} is not a power of two from 8 to {}", alignment, kMaxAlignment));
  }
  std::vector<TensorInfo> infos;
  std::unordered_set<std::string> names;
  for (uint64_t i = 0; i < counts.n_tensors; ++i) {
    BP_TRY(auto info, read_tensor());
    if (!names.insert(info.view.name).second) return refuse(fmt::format("tensor {} appears twice", info.view.name));
    infos.push_back(std::move(info));
  }
  BP_TRY_VOID(place_tensors(infos, alignment));
  for (TensorInfo& info : infos) shard.tensors.push_back(std::move(info.view));
  return shard;
}

}  // namespace

Result<GgufShard> read_gguf(std::span<const std::byte> bytes, const std::string& where) {
  return Reader(bytes, where).read();
}

}  // namespace bp
