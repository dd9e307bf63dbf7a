// What the compiler does to a model changes none of its logits, and no weight is kept twice.
#include <gtest/gtest.h>

#include <algorithm>

#include "../built_plugins.h"
#include "engine/engine.h"
#include "model/model.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

// A golden and how many sets of products a layer joins, 0: none can be.
struct Case {
  const char* golden;
  size_t n_sets;
};

class Compiler : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    auto model = Model::open(std::string(BP_SOURCE_DIR "/tests/goldens/data/") + GetParam().golden);
    ASSERT_TRUE(model.has_value()) << model.error().message();
    model_ = std::make_unique<Model>(std::move(*model));
    registry_ = built_plugins();
    auto device = registry_->open("cpu:0");
    ASSERT_TRUE(device.has_value()) << device.error().message();
    device_ = std::move(*device);
  }

  std::unique_ptr<Engine> engine(const CompilerOptions& compiler) {
    EngineOptions options{.max_seqs = 2, .max_batch_tokens = 8, .kv_max_bytes = 4 << 20, .buckets = {1, 8}};
    options.compiler = compiler;
    auto made = Engine::create(*model_, device_.get(), options);
    EXPECT_TRUE(made.has_value()) << made.error().message();
    return std::move(*made);
  }

  // Of a prompt, and of three tokens more, one by one: both buckets run.
  static std::vector<float> logits(Engine& engine) {
    std::vector<float> all;
    engine.set_logits_sink(
        [&](SequenceId, int, std::span<const float> rows) { all.insert(all.end(), rows.begin(), rows.end()); });
    Request request;
    request.prompt = {7, 3, 11, 2, 5};
    request.max_new_tokens = 4;
    request.all_logits = true;
    EXPECT_TRUE(engine.add(request).has_value());
    while (!engine.idle()) {
      const auto events = engine.step();
      if (!events.has_value()) {
        ADD_FAILURE() << events.error().message();
        break;
      }
    }
    return all;
  }

  static size_t n_joined(Engine& engine) {
    const auto program = engine.executor().program(1);
    EXPECT_TRUE(program.has_value());
    return static_cast<size_t>(std::ranges::count_if((*program)->graph().nodes, [&](const Node& node) {
      const Value* w = node.op->name == "matmul" ? &(*program)->graph().value(node.in[1]) : nullptr;
      if (w != nullptr && w->producer != kNone)
        w = &(*program)->graph().value((*program)->graph().node(w->producer).in[0]);
      return w != nullptr && w->host_tensor != kNone &&
             !(*program)->graph().host_tensors[static_cast<size_t>(w->host_tensor)].parts.empty();
    }));
  }

  std::unique_ptr<Model> model_;
  std::unique_ptr<PluginRegistry> registry_;
  std::unique_ptr<Device> device_;
};

TEST_P(Compiler, JoinedProductsGiveTheSameBits) {
  const auto apart = engine({.join_products = JoinProducts::kNever});
  const auto joined = engine({.join_products = JoinProducts::kAlways});
  EXPECT_EQ(n_joined(*apart), 0u);
  EXPECT_EQ(n_joined(*joined), GetParam().n_sets * static_cast<size_t>(model_->config().n_layers));
  EXPECT_EQ(logits(*apart), logits(*joined));
}

TEST_P(Compiler, PassesChangeNoBits) {
  const std::vector<float> plain = logits(*engine({}));
  for (const char* pass : {"fold_constants", "merge_common_subexpressions", "remove_dead_code", "choose_layouts"}) {
    CompilerOptions options;
    const std::string name(pass);
    disable_passes(options, {&name, 1});
    EXPECT_EQ(plain, logits(*engine(options))) << pass;
  }
}

TEST_P(Compiler, KernelsOfOneOpGiveWhatFusedOnesGiveUpToRounding) {
  const auto fused = engine({});
  const auto alone = engine({.fuse_kernels = false});
  EXPECT_LT((*fused->executor().program(1))->n_launches(), (*alone->executor().program(1))->n_launches());
  const std::vector<float> a = logits(*fused), b = logits(*alone);
  ASSERT_EQ(a.size(), b.size());
  float largest = 0;
  for (const float x : a) largest = std::max(largest, std::abs(x));
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-3f * largest) << i;
}

TEST_P(Compiler, AWeightIsPackedOnceForAllBucketsJoinedOrNot) {
  const auto apart = engine({.join_products = JoinProducts::kNever});
  const uint64_t bytes = apart->executor().memory().weights;
  logits(*apart);
  EXPECT_EQ(apart->executor().memory().weights, bytes);
  const auto joined = engine({.join_products = JoinProducts::kAlways});
  logits(*joined);
  // What lies in one piece has fewer gaps.
  EXPECT_LE(joined->executor().memory().weights, bytes);
}

INSTANTIATE_TEST_SUITE_P(Goldens, Compiler,
                         testing::Values(Case{"llama", 2}, Case{"variant_gguf_q8_0/model.gguf", 2},
                                         Case{"hf_llama_mha_bias", 2}, Case{"hf_llama_gptq_sym", 2}, Case{"phi3", 0},
                                         Case{"gpt2", 0}),
                         [](const auto& param) {
                           const std::string name(param.param.golden);
                           return name.substr(0, name.find('/'));
                         });

}  // namespace
}  // namespace bp
