// A small graph with inputs and sizes, to run on a device and on the reference.
// Not thread-safe. Random contents come from one generator in the order of the calls, so a problem is the same every
// time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "graph/builder.h"
#include "tolerance.h"

namespace bp::conformance {

using Bytes = std::vector<std::byte>;

// Sizes of one run, by symbol name.
using Sizes = std::map<std::string, int64_t>;

class Problem {
 public:
  // Without data its weights have no bytes: it says what is computed, and cannot be run.
  explicit Problem(std::string name, bool with_data = true)
      : builder_(std::move(name)), random_(1), with_data_(with_data) {}

  GraphBuilder& builder() { return builder_; }
  const Graph& graph() const { return builder_.graph(); }

  // A dynamic size within [min, max], or size = base + 1, or factor * base.
  Extent symbol(const std::string& name, int64_t max, int64_t min = 0);
  Extent symbol_plus_one(const std::string& name, const std::string& base);
  Extent symbol_times(const std::string& name, const std::string& base, int64_t factor);
  static Extent fixed(int64_t size) { return Extent::fixed(size); }

  // Inputs. An activation is normal random, times `spread`.
  ValueId activation(const std::string& name, std::vector<Extent> dims, float spread = 1, DType dtype = DType::kF32);
  // Its bytes are made for each run from the sizes.
  using Fill = std::function<Bytes(const Sizes&)>;
  ValueId param(const std::string& name, DType dtype, std::vector<Extent> dims, Fill fill);
  ValueId kv(const std::string& name, DType dtype, std::vector<int64_t> dims);
  // Random weights, encoded as `dtype`.
  ValueId weight(const std::string& name, DType dtype, std::vector<int64_t> dims, float spread = 1);
  // Given ones, or any bits at all.
  ValueId weight(const std::string& name, DType dtype, std::vector<int64_t> dims, Bytes bytes);
  ValueId any_bits(const std::string& name, DType dtype, std::vector<int64_t> dims);

  void output(ValueId value);

  Tolerance tolerance;
  // Each is run; the symbols not named have size 0.
  std::vector<Sizes> runs;

  struct Input {
    std::string name;
    DType dtype;
    std::vector<Extent> dims;
    Fill fill;
  };
  const std::vector<Input>& inputs() const { return inputs_; }
  Result<Graph> finish() { return builder_.finish(); }

 private:
  GraphBuilder builder_;
  std::mt19937 random_;
  bool with_data_;
  std::map<std::string, SymbolId> symbols_;
  std::vector<Input> inputs_;
  std::vector<std::unique_ptr<Bytes>> weights_;
  int n_outputs_ = 0;
};

// Bytes of values, of normal random values in a float dtype or any at all in one of integers.
template <class T>
Bytes bytes_of(const std::vector<T>& values) {
  const auto* data = reinterpret_cast<const std::byte*>(values.data());
  return {data, data + values.size() * sizeof(T)};
}
Bytes random_bytes(DType dtype, int64_t rows, int64_t columns, float spread, unsigned seed);
// The whole content: integers below 2^53, bools, and what decodes to f32.
std::vector<double> numbers(DType dtype, const Bytes& bytes);

}  // namespace bp::conformance
