#include "problem.h"

#include <fmt/format.h>

#include <cstring>

#include "base/check.h"
#include "quant/quant.h"
#include "random_blocks.h"

namespace bp::conformance {
namespace {

// The same bytes for every run, made when the first needs them: random numbers are most of the time of an unoptimised
// build.
Problem::Fill once(const std::function<Bytes()>& make) {
  return [make, kept = std::make_shared<Bytes>()](const Sizes&) {
    if (kept->empty()) *kept = make();
    return *kept;
  };
}

template <class T>
std::vector<double> as_doubles(const Bytes& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return {values.begin(), values.end()};
}

}  // namespace

Extent Problem::symbol(const std::string& name, int64_t max, int64_t min) {
  const auto found = symbols_.find(name);
  if (found != symbols_.end()) return Extent::dynamic(found->second);
  return Extent::dynamic(symbols_[name] = builder_.symbol(name, min, max));
}

Extent Problem::symbol_plus_one(const std::string& name, const std::string& base) {
  return Extent::dynamic(symbols_[name] = builder_.derived_symbol(name, symbols_.at(base), 1, 1));
}

Extent Problem::symbol_times(const std::string& name, const std::string& base, int64_t factor) {
  const auto found = symbols_.find(name);
  if (found != symbols_.end()) return Extent::dynamic(found->second);
  return Extent::dynamic(symbols_[name] = builder_.derived_symbol(name, symbols_.at(base), factor, 0));
}

ValueId Problem::activation(const std::string& name, std::vector<Extent> dims, float spread, DType dtype) {
  const auto seed = static_cast<unsigned>(random_());
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < dims.size(); ++i) rows *= builder_.graph().max_size(dims[i]);
  const int64_t columns = dims.empty() ? 1 : builder_.graph().max_size(dims.back());
  const Fill fill = once([=] { return random_bytes(dtype, rows, columns, spread, seed); });
  inputs_.push_back({name, dtype, dims, fill});
  return builder_.input(name, dtype, dims, Role::kActivation);
}

ValueId Problem::param(const std::string& name, DType dtype, std::vector<Extent> dims, Fill fill) {
  inputs_.push_back({name, dtype, dims, std::move(fill)});
  return builder_.input(name, dtype, dims, Role::kParam);
}

ValueId Problem::kv(const std::string& name, DType dtype, std::vector<int64_t> dims) {
  std::vector<Extent> extents;
  int64_t rows = 1;
  for (const int64_t dim : dims) extents.push_back(fixed(dim));
  for (size_t i = 0; i + 1 < dims.size(); ++i) rows *= dims[i];
  const auto seed = static_cast<unsigned>(random_());
  const Fill fill = once([=] { return random_bytes(dtype, rows, dims.back(), 1, seed); });
  inputs_.push_back({name, dtype, extents, fill});
  return builder_.input(name, dtype, extents, Role::kKv);
}

ValueId Problem::weight(const std::string& name, DType dtype, std::vector<int64_t> dims, float spread) {
  if (!with_data_) return weight(name, dtype, dims, Bytes{});
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < dims.size(); ++i) rows *= dims[i];
  return weight(name, dtype, dims, random_bytes(dtype, rows, dims.back(), spread, static_cast<unsigned>(random_())));
}

ValueId Problem::weight(const std::string& name, DType dtype, std::vector<int64_t> dims, Bytes bytes) {
  if (!with_data_) bytes.clear();
  weights_.push_back(std::make_unique<Bytes>(std::move(bytes)));
  return builder_.weight({name, dtype, dims, *weights_.back()});
}

ValueId Problem::any_bits(const std::string& name, DType dtype, std::vector<int64_t> dims) {
  uint64_t rows = 1;
  for (size_t i = 0; i + 1 < dims.size(); ++i) rows *= static_cast<uint64_t>(dims[i]);
  const auto row = row_bytes(dtype, static_cast<uint64_t>(dims.back()));
  BP_CHECK(row.has_value(), "{} columns of {}", dims.back(), dtype_name(dtype));
  Bytes bytes(rows * *row);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_());
  return weight(name, dtype, dims, std::move(bytes));
}

void Problem::output(ValueId value) { builder_.output(value, fmt::format("y{}", n_outputs_++)); }

Bytes random_bytes(DType dtype, int64_t rows, int64_t columns, float spread, unsigned seed) {
  std::mt19937 random(seed);
  const auto stride = row_bytes(dtype, static_cast<uint64_t>(columns));
  BP_CHECK(stride.has_value(), "{} columns of {}", columns, dtype_name(dtype));
  Bytes out(static_cast<size_t>(rows) * *stride);
  if (is_integer(dtype)) {
    for (std::byte& byte : out) byte = static_cast<std::byte>(random());
    return out;
  }
  if (!can_encode(dtype)) {
    random_blocks(dtype, spread, random, out);
    return out;
  }
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> row(static_cast<size_t>(columns));
  for (int64_t r = 0; r < rows; ++r) {
    for (float& x : row) x = normal(random);
    const Status encoded = encode_row(dtype, row.data(), out.data() + static_cast<uint64_t>(r) * *stride, columns);
    BP_CHECK(encoded.has_value(), "{}", encoded.error().message());
  }
  return out;
}

std::vector<double> numbers(DType dtype, const Bytes& bytes) {
  std::vector<double> out;
  if (dtype == DType::kI32) return as_doubles<int32_t>(bytes);
  if (dtype == DType::kI64) return as_doubles<int64_t>(bytes);
  if (dtype == DType::kI16) return as_doubles<int16_t>(bytes);
  if (dtype == DType::kI8) return as_doubles<int8_t>(bytes);
  if (dtype == DType::kU8 || dtype == DType::kBool) return as_doubles<uint8_t>(bytes);
  std::vector<float> values(bytes.size() / dtype_info(dtype).block_bytes * dtype_info(dtype).block_elements);
  decode_row(dtype, bytes.data(), values.data(), static_cast<int64_t>(values.size()));
  out.assign(values.begin(), values.end());
  return out;
}

}  // namespace bp::conformance
