#include "perf/step_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../built_plugins.h"
#include "../engine/golden_model.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

using testing::ElementsAre;

// Which program ran, and with which true sizes.
class SizeWatch : public RunObserver {
 public:
  const Program* program = nullptr;
  int64_t n_tokens = 0, n_seqs = 0;
  int n_runs = 0;

  Status begin_run(const Program& seen, std::span<const int64_t> sizes, Queue*) override {
    program = &seen;
    ++n_runs;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const std::string& name = seen.graph().symbols[i].name;
      if (name == "n_tokens") n_tokens = sizes[i];
      if (name == "n_seqs") n_seqs = sizes[i];
    }
    return {};
  }
  Status begin_launch(size_t) override { return {}; }
  Status end_launch(size_t) override { return {}; }
  Status end_run() override { return {}; }
};

class StepRunsTest : public testing::TestWithParam<bool> {
 protected:
  void open(const std::string& golden) {
    model_ = &model_of(golden);
    registry_ = built_plugins();
    auto device = registry_->open("cpu:0");
    ASSERT_TRUE(device.has_value()) << device.error().message();
    device_ = std::move(*device);
  }

  const Model* model_ = nullptr;
  std::unique_ptr<PluginRegistry> registry_;
  std::unique_ptr<Device> device_;
};

TEST_P(StepRunsTest, BringTheBucketsProgramToItsSizesAndRunItAgain) {
  open("llama");
  const EngineOptions options{
      .max_seqs = 8, .max_batch_tokens = 64, .max_context = 48, .kv_max_bytes = 8 << 20, .overlap = GetParam()};
  const auto engine = Engine::create(*model_, device_.get(), options);
  ASSERT_TRUE(engine.has_value()) << engine.error().message();
  Executor& executor = (*engine)->executor();
  struct Case {
    int bucket;
    std::vector<int64_t> tokens, seqs;
  };
  // Those of 64 tokens do not fit into one sequence of 48.
  const std::vector<Case> cases = {{1, {1}, {1}}, {8, {8, 4}, {8, 4}}, {32, {32, 16}, {1, 1}}, {64, {64, 33}, {2, 1}}};
  std::vector<std::vector<RunAgain>> runs;
  for (const Case& of : cases) {
    auto made = step_runs(**engine, *model_, options, of.bucket);
    ASSERT_TRUE(made.has_value()) << made.error().message();
    ASSERT_EQ(made->size(), of.tokens.size()) << of.bucket;
    runs.push_back(std::move(*made));
  }
  // In any order: what one needs another has run over.
  for (const size_t i : {2, 0, 1, 3, 1}) {
    for (size_t at = 0; at < runs[i].size(); ++at) {
      SizeWatch watch;
      for (int again = 0; again < 2; ++again) {
        const Status done = runs[i][at](&watch);
        ASSERT_TRUE(done.has_value()) << done.error().message();
        EXPECT_EQ(watch.n_tokens, cases[i].tokens[at]);
        EXPECT_EQ(watch.n_seqs, cases[i].seqs[at]);
        EXPECT_EQ(watch.program, *executor.program(cases[i].bucket));
      }
      EXPECT_EQ(watch.n_runs, 2) << "what brings it there is not watched";
    }
  }
  EXPECT_TRUE((*engine)->idle());
  EXPECT_EQ((*engine)->kv_pages_in_use(), 0);
}

INSTANTIATE_TEST_SUITE_P(Overlap, StepRunsTest, testing::Bool());

TEST_F(StepRunsTest, ARepeatedStepGivesTheSameLogits) {
  open("llama");
  const auto engine = Engine::create(*model_, device_.get(), {.max_seqs = 2, .max_context = 64});
  ASSERT_TRUE(engine.has_value()) << engine.error().message();
  std::vector<float> first;
  (*engine)->set_logits_sink(
      [&](SequenceId, int, std::span<const float> rows) { first.assign(rows.begin(), rows.end()); });
  Request request;
  request.prompt = {1, 2, 3, 4, 5};
  request.max_new_tokens = 3;
  ASSERT_TRUE((*engine)->add(request).has_value());
  while (!(*engine)->idle()) ASSERT_TRUE((*engine)->step().has_value());
  Executor& executor = (*engine)->executor();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(executor.repeat(nullptr).has_value());
  const auto again = executor.logits();
  ASSERT_TRUE(again.has_value()) << again.error().message();
  EXPECT_FALSE(first.empty());
  EXPECT_TRUE(std::ranges::equal(*again, first));
}

TEST_F(StepRunsTest, AnEncodersStepIsOneOfItsTexts) {
  open("hf_bert_cls");
  const EngineOptions options{.max_seqs = 8, .max_batch_tokens = 64};
  const auto embedder = Embedder::create(*model_, device_.get(), options);
  ASSERT_TRUE(embedder.has_value()) << embedder.error().message();
  const auto runs = step_runs(**embedder, *model_, options, 8);
  ASSERT_EQ(runs.size(), 2u);
  std::vector<int64_t> tokens;
  for (const RunAgain& run : runs) {
    SizeWatch watch;
    ASSERT_TRUE(run(&watch).has_value());
    tokens.push_back(watch.n_tokens);
  }
  EXPECT_THAT(tokens, ElementsAre(8, 4));
}

}  // namespace
}  // namespace bp
