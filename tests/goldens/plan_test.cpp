// What an engine would take is what it takes, and its arenas come near the least that is possible: every golden model,
// on the reference and on every usable device of the plugins that were built.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "golden_case.h"
#include "golden_run.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

struct Taken {
  MemoryUsage memory;
  std::vector<std::pair<int, ProgramMemory>> programs;
};

template <class Runner>
Taken taken_by(Runner& runner) {
  const auto compiled = runner.compile_all();
  EXPECT_TRUE(compiled) << compiled.error().message();
  return {runner.memory(), runner.program_memory()};
}

Taken set_up(const Model& model, Device* device, const EngineOptions& options) {
  if (model.config().pooling != Pooling::kOff) {
    const auto embedder = Embedder::create(model, device, options);
    EXPECT_TRUE(embedder) << embedder.error().message();
    return embedder ? taken_by(**embedder) : Taken{};
  }
  const auto engine = Engine::create(model, device, options);
  EXPECT_TRUE(engine) << engine.error().message();
  return engine ? taken_by((*engine)->executor()) : Taken{};
}

class GoldenPlan : public testing::TestWithParam<std::string> {};

TEST_P(GoldenPlan, ARehearsalTakesWhatTheEngineTakes) {
  const fs::path folder = golden_data() / GetParam();
  std::vector<fs::path> models;
  if (fs::exists(folder / "config.json")) models.push_back(folder);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".gguf") models.push_back(entry.path());
  }
  const auto devices = golden_devices();
  for (const fs::path& path : models) {
    const auto model = Model::open(path.string());
    ASSERT_TRUE(model) << model.error().message();
    for (const auto& device : devices) {
      SCOPED_TRACE(path.string() + " on " + device_name(device.get()));
      EngineOptions options{.max_seqs = 4, .max_batch_tokens = 64, .kv_max_bytes = 1 << 20, .buckets = {1}};
      options.op_fallback = FallbackPolicy::kAllow;
      const Taken real = set_up(*model, device.get(), options);
      options.rehearse = true;
      const Taken rehearsed = set_up(*model, device.get(), options);
      EXPECT_EQ(rehearsed.memory.weights, real.memory.weights);
      EXPECT_EQ(rehearsed.memory.in_place, real.memory.in_place);
      EXPECT_EQ(rehearsed.memory.loading, real.memory.loading);
      EXPECT_EQ(rehearsed.memory.activations, real.memory.activations);
      EXPECT_EQ(rehearsed.memory.workspace, real.memory.workspace);
      EXPECT_EQ(rehearsed.memory.kv, real.memory.kv);
      EXPECT_EQ(rehearsed.memory.staging, real.memory.staging);
      EXPECT_GT(real.memory.weights + real.memory.in_place, 0u);
      EXPECT_GT(real.memory.activations, 0u);
      EXPECT_GT(real.memory.driver, 0u);
      ASSERT_EQ(rehearsed.programs.size(), real.programs.size());
    }
  }
}

// Steps of one token and of 512, and with each a device's scratch.
TEST_P(GoldenPlan, ArenasComeWithinATwentiethOfTheLowerBound) {
  const fs::path folder = golden_data() / GetParam();
  fs::path path = folder;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!fs::exists(folder / "config.json") && entry.path().extension() == ".gguf") path = entry.path();
  }
  const auto model = Model::open(path.string());
  ASSERT_TRUE(model) << model.error().message();
  for (const auto& device : golden_devices()) {
    EngineOptions options{.max_seqs = 8, .max_batch_tokens = 512, .kv_max_bytes = 1 << 20, .buckets = {1}};
    options.op_fallback = FallbackPolicy::kAllow;
    options.rehearse = true;
    const Taken taken = set_up(*model, device.get(), options);
    EXPECT_GE(taken.programs.size(), 2u);
    for (const auto& [n_tokens, memory] : taken.programs) {
      const auto bound = static_cast<double>(memory.arena_lower_bound_bytes);
      EXPECT_GT(memory.arena_lower_bound_bytes, 0u);
      EXPECT_LE(static_cast<double>(memory.arena_bytes), 1.05 * bound) << n_tokens << " tokens";
      fmt::print("{:<28} {:<10} {:>4} tokens: side by side {:>10}, arena {:>8}, lower bound {:>8}\n", GetParam(),
                 device_name(device.get()), n_tokens, memory.naive_bytes, memory.arena_bytes,
                 memory.arena_lower_bound_bytes);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenPlan, testing::ValuesIn(golden_names(golden_data())),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace bp
