#include "perf/stand_in.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "quant/quant.h"

namespace bp {
namespace {

constexpr uint64_t kBytesOfAShape = uint64_t{256} << 20;
constexpr size_t kLeastCopies = 4;  // more than a layer has of one shape and input: equal products would be joined
constexpr int64_t kTileElements = int64_t{1} << 18;

// Whole rows, encoded; nothing where the type is only read.
std::vector<std::byte> encoded_tile(const HostTensor& tensor, int64_t n_columns) {
  const bool vector = tensor.dims.size() < 2;
  const auto row_size = static_cast<size_t>(row_bytes(tensor.dtype, static_cast<uint64_t>(n_columns)).value_or(0));
  const auto n_rows = static_cast<size_t>(std::max<int64_t>(kTileElements / n_columns, 1));
  const float scale = vector ? 0.1f : 1 / std::sqrt(static_cast<float>(n_columns));
  std::mt19937 random(7);
  std::normal_distribution<float> value(vector ? 1.0f : 0.0f, scale);
  std::vector<std::byte> tile(n_rows * row_size);
  std::vector<float> row(static_cast<size_t>(n_columns));
  for (size_t r = 0; r < n_rows; ++r) {
    for (float& x : row) x = value(random);
    if (!encode_row(tensor.dtype, row.data(), tile.data() + r * row_size, n_columns)) return {};
  }
  return tile;
}

}  // namespace

std::vector<std::byte> stand_in_bytes(const HostTensor& tensor) {
  const bool index = tensor.dtype == DType::kI32 || tensor.dtype == DType::kI64 || tensor.dtype == DType::kI16;
  if (index || tensor.owner != nullptr || tensor.bytes.empty()) return {};
  std::vector<std::byte> bytes(tensor.bytes.size());
  std::vector<std::byte> tile;
  if (can_encode(tensor.dtype) && !tensor.dims.empty()) tile = encoded_tile(tensor, tensor.dims.back());
  if (tile.empty()) {  // packed integers and formats that are only read: any bytes are values
    std::mt19937_64 random(7);
    tile.resize(std::min<size_t>(bytes.size(), size_t{1} << 16));
    // Exponents near 1; elsewhere no matter.
    for (std::byte& b : tile) b = static_cast<std::byte>(tensor.dtype == DType::kE8M0 ? 120 + random() % 4 : random());
  }
  for (size_t done = 0; done < bytes.size(); done += tile.size()) {
    std::memcpy(bytes.data() + done, tile.data(), std::min(tile.size(), bytes.size() - done));
  }
  return bytes;
}

StandIns::Bytes StandIns::next(const HostTensor& tensor) {
  Shape& shape = shapes_[{tensor.dtype, tensor.dims}];
  const size_t most = std::max<size_t>(kLeastCopies, kBytesOfAShape / std::max<size_t>(tensor.bytes.size(), 1));
  if (shape.n_given < most) {
    std::vector<std::byte> bytes = shape.copies.empty() ? stand_in_bytes(tensor) : *shape.copies.front();
    shape.copies.push_back(std::make_shared<const std::vector<std::byte>>(std::move(bytes)));
  }
  return shape.copies[shape.n_given++ % most];
}

void StandIns::replace(Graph& graph) {
  for (HostTensor& tensor : graph.host_tensors) replace(tensor);
}

void StandIns::replace(HostTensor& tensor) {
  for (HostTensor& part : tensor.parts) replace(part);  // a joined weight has no bytes of its own
  if (tensor.owner != nullptr || tensor.bytes.empty()) return;
  Bytes& bytes = given_[tensor.bytes.data()];
  if (bytes == nullptr) bytes = next(tensor);
  if (bytes->empty()) return;
  tensor.bytes = *bytes;
  tensor.owner = bytes;
}

}  // namespace bp
