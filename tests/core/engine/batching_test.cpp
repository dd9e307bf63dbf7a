// Sequences of different lengths computed together give, token for token, what each gives alone; and a step launches
// each op once, however many sequences there are.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <random>

#include "../built_plugins.h"
#include "engine/engine.h"
#include "model/model.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

constexpr const char* kModel = BP_SOURCE_DIR "/tests/goldens/data/qwen3";

class Batching : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto model = Model::open(kModel);
    ASSERT_TRUE(model.has_value()) << model.error().message();
    model_ = std::make_unique<Model>(std::move(*model));
    if (std::string_view(GetParam()) == "reference") return;
    registry_ = built_plugins();
    auto device = registry_->open(GetParam());
    ASSERT_TRUE(device.has_value()) << device.error().message();
    device_ = std::move(*device);
  }

  std::unique_ptr<Engine> engine(const EngineOptions& options) {
    auto made = Engine::create(*model_, device_.get(), options);
    EXPECT_TRUE(made.has_value()) << made.error().message();
    return std::move(*made);
  }

  static std::map<SequenceId, std::vector<int32_t>> run(Engine& engine, const std::vector<Request>& requests) {
    for (const Request& request : requests) EXPECT_TRUE(engine.add(request).has_value());
    std::map<SequenceId, std::vector<int32_t>> tokens;
    while (!engine.idle()) {
      const auto events = engine.step();
      if (!events.has_value()) {
        ADD_FAILURE() << events.error().message();
        break;
      }
      for (const TokenEvent& event : *events) tokens[event.sequence].push_back(event.token);
    }
    return tokens;
  }

  std::unique_ptr<Model> model_;
  std::unique_ptr<PluginRegistry> registry_;
  std::unique_ptr<Device> device_;
};

std::vector<Request> eight_requests(float temperature) {
  std::mt19937 random(3);
  std::vector<Request> requests;
  for (int i = 0; i < 8; ++i) {
    Request request;
    for (int t = 0; t < 1 + i * 7; ++t) request.prompt.push_back(static_cast<int32_t>(random() % 256));
    request.max_new_tokens = 24 + i;
    request.sampling.temperature = temperature;
    request.sampling.seed = i;
    requests.push_back(std::move(request));
  }
  return requests;
}

TEST_P(Batching, EightTogetherAreAsEachAlone) {
  for (const float temperature : {0.0f, 0.8f}) {
    const auto requests = eight_requests(temperature);
    const auto together = run(*engine({.max_seqs = 8, .kv_max_bytes = 32 << 20}), requests);
    ASSERT_EQ(together.size(), 8u);
    for (size_t i = 0; i < requests.size(); ++i) {
      const auto alone = run(*engine({.max_seqs = 1, .kv_max_bytes = 32 << 20}), {requests[i]});
      EXPECT_EQ(alone.at(0), together.at(static_cast<SequenceId>(i)))
          << "sequence " << i << " at temperature " << temperature;
    }
  }
}

TEST_P(Batching, ChunksAndPreemptionChangeNothing) {
  const auto requests = eight_requests(0.0f);
  const auto plain = run(*engine({.max_seqs = 8, .kv_max_bytes = 32 << 20}), requests);
  const auto chunked =
      run(*engine({.max_seqs = 8, .max_batch_tokens = 16, .max_chunk = 5, .kv_max_bytes = 32 << 20}), requests);
  EXPECT_EQ(plain, chunked);
  // 3 layers x (k and v) x 2 heads x 32 columns x 4 bytes = 1.5 KiB a token: 128 tokens for sequences that need 430.
  const auto squeezed = run(*engine({.max_seqs = 8, .kv_max_bytes = 128 * 1536}), requests);
  EXPECT_EQ(plain, squeezed);
}

TEST_P(Batching, AStepLaunchesEachOpOnceForAllSequences) {
  const auto one = engine({.max_seqs = 8, .kv_max_bytes = 32 << 20});
  const auto program = one->executor().program(8);
  ASSERT_TRUE(program.has_value());
  const auto lone = one->executor().program(1);
  ASSERT_TRUE(lone.has_value());
  EXPECT_EQ((*program)->n_launches(), (*lone)->n_launches());
  EXPECT_LE((*program)->steps().size(), (*program)->graph().nodes.size());
}

TEST_P(Batching, NothingFallsBack) {
  if (device_ == nullptr) return;
  const auto made = engine({.max_seqs = 8, .kv_max_bytes = 32 << 20, .op_fallback = FallbackPolicy::kError});
  EXPECT_TRUE(made->executor().fallback_ops().empty());
}

INSTANTIATE_TEST_SUITE_P(Devices, Batching, testing::Values("reference", "cpu:0"),
                         [](const auto& param) { return std::string(param.param).substr(0, 3); });

}  // namespace
}  // namespace bp
