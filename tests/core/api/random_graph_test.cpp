// Random graphs, seeded: whatever passes are on, the bits are those of the graph as it stands on one device, and the
// numbers those of the reference. BP_RANDOM_GRAPHS=10000 tries that many.
#include "random_graph.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "api/bound_graph.h"
#include "api/shared_device.h"
#include "graph/printer.h"

namespace bp {
namespace {

unsigned n_graphs() {
  const char* text = std::getenv("BP_RANDOM_GRAPHS");
  return text == nullptr ? 40 : static_cast<unsigned>(std::stoul(text));
}

CompilerOptions no_passes() {
  CompilerOptions options;
  options.fold_constants = options.merge_common_subexpressions = options.remove_dead_code = false;
  options.fuse_kernels = options.choose_layouts = false;
  options.join_products = JoinProducts::kNever;
  return options;
}

CompilerOptions all_passes(JoinProducts join) {
  CompilerOptions options;
  options.join_products = join;
  return options;
}

// Programs of many graphs with one store of weights, as those of a model.
class Compiled {
 public:
  Compiled(Device* device, const CompilerOptions& compiler) : pool_(device) {
    EngineOptions options;
    options.op_fallback = FallbackPolicy::kAllow;
    options.compiler = compiler;
    options.deterministic = false;
    programs_ = std::move(DevicePrograms::create(device, options).value());
  }

  Status load(const Graph& graph) {
    BP_TRY(bound_, api::BoundGraph::create(*programs_, memory_, graph, true));
    return {};
  }
  std::string steps() const {
    std::string out;
    for (const StepInfo& step : bound_->program().steps()) out += step.op + " -> " + step.kernel + "\n";
    return out;
  }

  // Each output's bytes, for `n` rows of the same numbers each time.
  Result<std::vector<std::vector<std::byte>>> run(int64_t n) {
    std::mt19937 random(static_cast<unsigned>(n));
    std::normal_distribution<float> normal;
    std::vector<api::Content> inputs;
    for (int i = 0; i < 3; ++i) {
      std::vector<float> values(static_cast<size_t>(n * kRandomWidth));
      for (float& value : values) value = normal(random);
      api::Content content{DType::kF32, {n, kRandomWidth}, values.size() * sizeof(float), nullptr, nullptr};
      BP_TRY(content.memory, api::upload(*programs_, pool_, std::as_bytes(std::span(values))));
      inputs.push_back(std::move(content));
    }
    std::vector<int64_t> sizes(bound_->program().graph().symbols.size(), n);
    BP_TRY(const auto results, bound_->run(inputs, sizes, ++step_));
    std::vector<std::vector<std::byte>> outputs;
    for (const api::Content& result : results) {
      outputs.emplace_back(result.size_bytes);
      if (result.size_bytes > 0) BP_TRY_VOID(programs_->read(*result.memory, outputs.back().data()));
    }
    return outputs;
  }

 private:
  BufferPool pool_;
  api::CallMemory memory_{pool_};
  std::unique_ptr<DevicePrograms> programs_;
  std::unique_ptr<api::BoundGraph> bound_;
  uint64_t step_ = 0;
};

float number_of(const Value& value, std::span<const std::byte> bytes, size_t i) {
  if (value.dtype == DType::kBF16) {
    uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * sizeof(bits), sizeof(bits));
    return std::bit_cast<float>(uint32_t{bits} << 16);
  }
  float number = 0;
  std::memcpy(&number, bytes.data() + i * sizeof(number), sizeof(number));
  return number;
}

testing::AssertionResult are_close(const Value& value, std::span<const std::byte> a, std::span<const std::byte> b) {
  if (a.size() != b.size()) return testing::AssertionFailure() << a.size() << " bytes and " << b.size();
  if (value.dtype != DType::kF32 && value.dtype != DType::kBF16) return testing::AssertionSuccess();
  const size_t n = a.size() / (value.dtype == DType::kF32 ? sizeof(float) : sizeof(uint16_t));
  for (size_t i = 0; i < n; ++i) {
    const float x = number_of(value, a, i);
    const float y = number_of(value, b, i);
    if (std::isnan(x) && std::isnan(y)) continue;
    if (!(std::abs(x - y) <= 2e-3f * (1 + std::abs(y))))
      return testing::AssertionFailure() << i << ": " << x << ", " << y;
  }
  return testing::AssertionSuccess();
}

// Sizes of a bucket, and what to run in it.
struct Bucket {
  int64_t least, most;
  std::vector<int64_t> sizes;
};

class RandomGraphs : public testing::TestWithParam<const char*> {
 protected:
  const api::SharedDevice device_ = api::SharedDevice::open({.device = GetParam()}).value();
  const RandomConstants constants_{1};
  const RandomConstants plain_ = constants_.plain();  // of f32 alone
  Compiled reference_{nullptr, no_passes()};
  Compiled off_{device_.get(), no_passes()};
  Compiled on_{device_.get(), all_passes(JoinProducts::kAuto)};
  Compiled joined_{device_.get(), all_passes(JoinProducts::kAlways)};

  void compare(unsigned seed, const Bucket& bucket) {
    auto made = random_graph(bucket.least < 64 ? constants_ : plain_, seed, bucket.least, bucket.most);
    ASSERT_TRUE(made.has_value()) << made.error().message();
    SCOPED_TRACE(testing::Message() << "seed " << seed << "\n" << print(made->graph));
    for (Compiled* each : {&reference_, &off_, &on_, &joined_}) {
      const Status status = each->load(made->graph);
      ASSERT_TRUE(status.has_value()) << status.error().message();
    }
    // Of many rows another kernel makes the products than the one that fused ones stand on: its sums have another
    // order.
    const bool other_kernels = bucket.least >= 64;
    if (other_kernels && made->rounds) return;
    for (const int64_t n : bucket.sizes) {
      const auto wanted = off_.run(n);
      ASSERT_TRUE(wanted.has_value()) << wanted.error().message();
      for (Compiled* each : {&on_, &joined_}) {
        const auto got = each->run(n);
        ASSERT_TRUE(got.has_value()) << got.error().message();
        for (size_t i = 0; i < wanted->size(); ++i) {
          const Value& value = made->graph.value(made->graph.outputs[i]);
          const bool same = (*got)[i] == (*wanted)[i] || (other_kernels && are_close(value, (*got)[i], (*wanted)[i]));
          ASSERT_TRUE(same) << "output " << i << " of " << n << " rows\n"
                            << each->steps() << "without passes:\n"
                            << off_.steps();
        }
      }
      if (made->rounds) continue;
      const auto meant = reference_.run(n);
      ASSERT_TRUE(meant.has_value()) << meant.error().message();
      for (size_t i = 0; i < meant->size(); ++i) {
        const Value& value = made->graph.value(made->graph.outputs[i]);
        ASSERT_TRUE(are_close(value, (*wanted)[i], (*meant)[i])) << "output " << i << " of " << n << " rows";
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Device, RandomGraphs, testing::Values("reference", "cpu:0"), [](const auto& entry) {
  return std::string(entry.param) == "reference" ? "reference" : "cpu";
});

TEST_P(RandomGraphs, PassesChangeNoBit) {
  const std::vector<Bucket> buckets = {{1, 1, {1}}, {0, 8, {0, 1, 7}}, {64, 70, {64, 70}}};
  for (unsigned seed = 0; seed < n_graphs(); ++seed) {
    compare(seed, buckets[seed % buckets.size()]);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace bp
