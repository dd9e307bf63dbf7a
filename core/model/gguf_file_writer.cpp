#include "model/gguf_file_writer.h"

#include <fmt/format.h>

#include "base/check.h"
#include "model/ggml_type.h"
#include "model/weight_view.h"

namespace bp {
namespace {

constexpr uint64_t kAlignment = 32;
constexpr size_t kMaxDims = 4;

uint64_t aligned(uint64_t at) { return (at + kAlignment - 1) / kAlignment * kAlignment; }

template <class T>
void put(std::string& out, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  out.append(raw, sizeof(T));
}

}  // namespace

Result<GgufFileWriter> GgufFileWriter::create(const std::string& path, const GgufEntries& entries,
                                              std::vector<GgufTensor> tensors) {
  std::string head = "GGUF";
  put<uint32_t>(head, 3);
  put<uint64_t>(head, tensors.size());
  put<uint64_t>(head, entries.size());
  head += entries.bytes();
  std::vector<uint64_t> offsets, n_bytes;
  uint64_t offset = 0;
  for (const GgufTensor& tensor : tensors) {
    const auto type = ggml_type_of(tensor.dtype);
    const auto size = bp::tensor_bytes(tensor.dtype, tensor.dims);
    if (!type || !size || tensor.dims.size() > kMaxDims) {
      return fail(ErrorCode::kRefused, path,
                  fmt::format("tensor {} {} {} has no form in GGUF", tensor.name, dims_text(tensor.dims),
                              dtype_name(tensor.dtype)),
                  "give it another type");
    }
    put<uint64_t>(head, tensor.name.size());
    head += tensor.name;
    // A scalar is a vector of one.
    put(head, static_cast<uint32_t>(std::max<size_t>(tensor.dims.size(), 1)));
    if (tensor.dims.empty()) put<uint64_t>(head, 1);
    for (auto dim = tensor.dims.rbegin(); dim != tensor.dims.rend(); ++dim) put(head, static_cast<uint64_t>(*dim));
    put(head, *type);
    put(head, offset);
    offsets.push_back(offset);
    n_bytes.push_back(*size);
    offset = aligned(offset + *size);
  }
  BP_TRY(auto file, OutputFile::create(path));
  GgufFileWriter writer(std::move(file));
  const uint64_t data_begin = aligned(head.size());
  for (uint64_t& at : offsets) at += data_begin;
  writer.file_bytes_ = data_begin + offset;
  BP_TRY_VOID(writer.file_.resize(writer.file_bytes_));
  BP_TRY_VOID(writer.file_.write(0, std::as_bytes(std::span(head))));
  writer.tensors_ = std::move(tensors);
  writer.offsets_ = std::move(offsets);
  writer.n_bytes_ = std::move(n_bytes);
  return writer;
}

Status GgufFileWriter::write(size_t tensor, uint64_t offset, std::span<const std::byte> bytes) const {
  BP_CHECK(offset <= n_bytes_[tensor] && bytes.size() <= n_bytes_[tensor] - offset, "{} + {} of {}", offset,
           bytes.size(), n_bytes_[tensor]);
  return file_.write(offsets_[tensor] + offset, bytes);
}

}  // namespace bp
