// What the probe says went into the products, against what is known to go in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "../built_plugins.h"
#include "engine/engine.h"
#include "model/model.h"

namespace bp {
namespace {

const std::vector<int32_t> kPrompt = {1, 5, 9, 200, 17, 3, 44, 8, 12, 77, 130, 2};

ImportanceMatrix watched(const Model& model, Device* device, int n_tokens) {
  const auto engine = Engine::create(model, device,
                                     {.max_seqs = 2,
                                      .max_batch_tokens = n_tokens,
                                      .max_context = 64,
                                      .act_dtype = DType::kF32,
                                      .kv_max_bytes = 1 << 22,
                                      .importance = true});
  EXPECT_TRUE(engine) << engine.error().message();
  if (!engine) return {};
  Request request;
  request.prompt = kPrompt;
  request.max_new_tokens = 1;
  EXPECT_TRUE((*engine)->add(request));
  while (!(*engine)->idle()) {
    const auto events = (*engine)->step();
    EXPECT_TRUE(events) << events.error().message();
    if (!events) break;
  }
  return *(*engine)->executor().importance();
}

std::vector<float> floats(const Model& model, const std::string& name) {
  const WeightView* view = model.weights().find(name);
  EXPECT_NE(view, nullptr);
  EXPECT_EQ(view->dtype, DType::kF32);
  std::vector<float> values(view->bytes.size() / sizeof(float));
  std::memcpy(values.data(), view->bytes.data(), view->bytes.size());
  return values;
}

// The first products read the norm of the embeddings.
TEST(Importance, IsTheSumOfTheSquaresOfWhatGoesIn) {
  const auto model = Model::open(BP_SOURCE_DIR "/tests/goldens/data/llama");
  ASSERT_TRUE(model) << model.error().message();
  const auto embedding = floats(*model, "token_embd.weight"), norm = floats(*model, "blk.0.attn_norm.weight");
  const auto hidden = static_cast<size_t>(model->config().hidden);
  std::vector<double> expected(hidden, 0.0);
  for (const int32_t token : kPrompt) {
    const float* x = embedding.data() + static_cast<size_t>(token) * hidden;
    double mean = 0;
    for (size_t i = 0; i < hidden; ++i) mean += std::pow(static_cast<double>(x[i]), 2) / static_cast<double>(hidden);
    for (size_t i = 0; i < hidden; ++i) {
      expected[i] += std::pow(static_cast<double>(x[i] * norm[i]), 2) / (mean + model->config().norm_eps);
    }
  }
  for (const int n_tokens : {64, 5}) {
    const ImportanceMatrix matrix = watched(*model, nullptr, n_tokens);
    for (const char* name : {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight"}) {
      ASSERT_TRUE(matrix.weights.contains(name)) << name;
      const Importance& importance = matrix.weights.at(name);
      EXPECT_THAT(importance.counts, testing::ElementsAre(kPrompt.size()));
      EXPECT_THAT(importance.sums, testing::Pointwise(testing::DoubleNear(1e-3), expected));
    }
    EXPECT_EQ(matrix.weights.at("blk.0.ffn_down.weight").n_columns, model->config().ffn);
  }
}

TEST(Importance, CountsTheTokensOfEachExpert) {
  const auto model = Model::open(BP_SOURCE_DIR "/tests/goldens/data/mixtral");
  ASSERT_TRUE(model) << model.error().message();
  const ImportanceMatrix matrix = watched(*model, nullptr, 64);
  for (const char* name : {"blk.0.ffn_gate_exps.weight", "blk.0.ffn_down_exps.weight"}) {
    ASSERT_TRUE(matrix.weights.contains(name)) << name;
    const Importance& importance = matrix.weights.at(name);
    EXPECT_EQ(importance.n_matrices, model->config().experts.n_experts);
    int64_t total = 0;
    for (const int64_t count : importance.counts) total += count;
    EXPECT_EQ(total, static_cast<int64_t>(kPrompt.size()) * model->config().experts.n_used);
  }
}

TEST(Importance, IsTheSameOnTheCpu) {
  const auto registry = built_plugins();
  auto device = registry->open("cpu:0");
  if (!device) GTEST_SKIP() << device.error().message();
  for (const char* name : {"llama", "mixtral", "deepseek_v2"}) {
    const auto model = Model::open(std::string(BP_SOURCE_DIR "/tests/goldens/data/") + name);
    ASSERT_TRUE(model) << model.error().message();
    const ImportanceMatrix expected = watched(*model, nullptr, 64), found = watched(*model, device->get(), 64);
    ASSERT_EQ(found.weights.size(), expected.weights.size());
    for (const auto& [weight, importance] : expected.weights) {
      EXPECT_EQ(found.weights.at(weight).counts, importance.counts) << weight;
      for (size_t i = 0; i < importance.sums.size(); ++i) {
        EXPECT_NEAR(found.weights.at(weight).sums[i], importance.sums[i], 2e-2 * (1 + importance.sums[i])) << weight;
      }
    }
  }
}

}  // namespace
}  // namespace bp
