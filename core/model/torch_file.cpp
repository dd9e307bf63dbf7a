#include "model/torch_file.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "model/torch_pickle.h"
#include "model/zip_archive.h"

namespace bp {
namespace {

constexpr std::string_view kPickleName = "/data.pkl";

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  Result<TorchFile> read() {
    if (bytes_.size() >= 4 && std::memcmp(bytes_.data(), "PK\3\4", 4) != 0) {
      return fail(ErrorCode::kRefused, where_, "is no PyTorch file of version 1.6 or later (a ZIP archive)",
                  "load and save it with a current PyTorch, or convert the model to safetensors");
    }
    BP_TRY(members_, read_zip(bytes_, where_));
    BP_TRY(const auto pickle, find_pickle());
    BP_TRY_VOID(check_byte_order());
    BP_TRY(const auto pickled, read_torch_pickle(pickle, where_));
    for (const PickledTensor& tensor : pickled) BP_TRY_VOID(add(tensor));
    return std::move(file_);
  }

 private:
  std::unexpected<Error> refuse(std::string what) const {
    return fail(ErrorCode::kRefused, where_, std::move(what), "the file is damaged, download it again");
  }

  // The archive's one folder has the name of the file as it was saved.
  Result<std::span<const std::byte>> find_pickle() {
    std::optional<std::span<const std::byte>> pickle;
    for (const auto& [name, bytes] : members_) {
      if (!name.ends_with(kPickleName) || name.find('/') != name.size() - kPickleName.size()) continue;
      if (pickle) return refuse("holds two data.pkl");
      pickle = bytes;
      root_ = name.substr(0, name.size() - kPickleName.size());
    }
    if (!pickle) return refuse("holds no data.pkl");
    return *pickle;
  }

  Status check_byte_order() const {
    const auto found = members_.find(root_ + "/byteorder");
    if (found == members_.end()) return {};
    const std::string_view order(reinterpret_cast<const char*>(found->second.data()), found->second.size());
    if (order == "little") return {};
    return fail(ErrorCode::kRefused, where_, "was saved on a big-endian machine", "save it on a little-endian one");
  }

  Status add(const PickledTensor& tensor) {
    const auto storage = members_.find(fmt::format("{}/data/{}", root_, tensor.storage));
    if (storage == members_.end()) {
      return refuse(fmt::format("tensor {} is in data/{}, which is missing", tensor.name, tensor.storage));
    }
    const uint64_t element_bytes = dtype_info(tensor.dtype).block_bytes;
    if (storage->second.size() / element_bytes < tensor.storage_elements) {
      return refuse(fmt::format("data/{} has {} bytes, not {} elements of {}", tensor.storage, storage->second.size(),
                                tensor.storage_elements, dtype_name(tensor.dtype)));
    }
    BP_TRY(const uint64_t n_elements, count_elements(tensor));
    WeightView view{.name = tensor.name, .dtype = tensor.dtype, .dims = tensor.dims, .bytes = {}};
    const auto from =
        storage->second.subspan(n_elements == 0 ? 0 : static_cast<uint64_t>(tensor.offset) * element_bytes);
    if (n_elements == 0 || is_contiguous(tensor)) {
      view.bytes = from.first(n_elements * element_bytes);
    } else {
      BP_TRY(view.bytes, copy_in_order(tensor, from, n_elements * element_bytes));
    }
    file_.tensors.push_back(std::move(view));
    return {};
  }

  // Also: that the last element lies in the storage, and that the tensor repeats none.
  Result<uint64_t> count_elements(const PickledTensor& tensor) const {
    uint64_t n = 1, last = static_cast<uint64_t>(tensor.offset);
    bool overflow = false;
    for (size_t i = 0; i < tensor.dims.size(); ++i) {
      const auto dim = static_cast<uint64_t>(tensor.dims[i]), stride = static_cast<uint64_t>(tensor.strides[i]);
      uint64_t span = 0;
      overflow |= __builtin_mul_overflow(n, dim, &n);
      if (dim > 1)
        overflow |= __builtin_mul_overflow(dim - 1, stride, &span) || __builtin_add_overflow(last, span, &last);
    }
    if (!overflow && n == 0) return 0;
    if (overflow || last >= tensor.storage_elements || n > tensor.storage_elements) {
      return refuse(fmt::format("tensor {} {} does not lie within the {} elements of data/{}", tensor.name,
                                dims_text(tensor.dims), tensor.storage_elements, tensor.storage));
    }
    return n;
  }

  static bool is_contiguous(const PickledTensor& tensor) {
    int64_t stride = 1;
    for (size_t i = tensor.dims.size(); i > 0; --i) {
      if (tensor.dims[i - 1] == 1) continue;
      if (tensor.strides[i - 1] != stride) return false;
      stride *= tensor.dims[i - 1];
    }
    return true;
  }

  // REQUIRES: no dim is 0.
  Result<std::span<const std::byte>> copy_in_order(const PickledTensor& tensor, std::span<const std::byte> from,
                                                   uint64_t n_bytes) {
    copied_bytes_ += n_bytes;  // each is at most the file, and there are fewer than 2^32
    if (copied_bytes_ / 2 > bytes_.size()) return refuse("shares storages between too many tensors to copy them");
    auto& copy = file_.copies.emplace_back(std::make_unique<std::byte[]>(n_bytes));
    const size_t element_bytes = dtype_info(tensor.dtype).block_bytes;
    std::vector<int64_t> index(tensor.dims.size(), 0);
    int64_t at = 0;
    for (size_t done = 0; done < n_bytes; done += element_bytes) {
      std::memcpy(copy.get() + done, from.data() + static_cast<size_t>(at) * element_bytes, element_bytes);
      for (size_t axis = index.size(); axis > 0; --axis) {
        const size_t i = axis - 1;
        at += tensor.strides[i];
        if (++index[i] < tensor.dims[i]) break;
        at -= tensor.strides[i] * tensor.dims[i];
        index[i] = 0;
      }
    }
    return std::span<const std::byte>(copy.get(), n_bytes);
  }

  std::span<const std::byte> bytes_;
  const std::string& where_;
  ZipMembers members_;
  std::string root_;
  TorchFile file_;
  uint64_t copied_bytes_ = 0;
};

}  // namespace

Result<TorchFile> read_torch_file(std::span<const std::byte> bytes, const std::string& where) {
  return Reader(bytes, where).read();
}

}  // namespace bp
