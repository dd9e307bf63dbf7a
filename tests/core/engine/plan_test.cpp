// What an engine takes of memory, said before anything is loaded.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "../../fakes/capture_counts.h"
#include "../built_plugins.h"
#include "../model/model_files.h"
#include "base/process_memory.h"
#include "engine/engine.h"
#include "model/model.h"
#include "perf/stand_in.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // their shadow is the process's memory too
#else
constexpr bool kSanitized = false;
#endif

constexpr int64_t kHidden = 512, kFfn = 1536, kVocab = 40000, kLayers = 4;

// 60 MB of q8_0 weights, all of them 0.5.
std::string write_model(const test::TempFolder& folder) {
  test::GgufWriter writer;
  writer.text("general.architecture", "llama");
  writer.u32("llama.block_count", kLayers);
  writer.u32("llama.context_length", 256);
  writer.u32("llama.embedding_length", kHidden);
  writer.u32("llama.feed_forward_length", kFfn);
  writer.u32("llama.attention.head_count", 8);
  writer.u32("llama.attention.head_count_kv", 2);
  writer.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  const auto matrix = [&](const std::string& name, int64_t n_rows, int64_t n_columns) {
    std::string block("\x00\x30", 2);  // 0.125 in f16
    block.append(32, '\x04');
    std::string bytes;
    for (int64_t i = 0; i < n_rows * n_columns / 32; ++i) bytes += block;
    writer.raw_tensor(name, {static_cast<uint64_t>(n_columns), static_cast<uint64_t>(n_rows)}, 8, bytes);
  };
  const auto vector = [&](const std::string& name) {
    writer.tensor(name, {kHidden}, std::vector<float>(kHidden, 1.0f));
  };
  matrix("token_embd.weight", kVocab, kHidden);
  matrix("output.weight", kVocab, kHidden);
  vector("output_norm.weight");
  for (int64_t i = 0; i < kLayers; ++i) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    vector(layer + "attn_norm.weight");
    vector(layer + "ffn_norm.weight");
    matrix(layer + "attn_q.weight", kHidden, kHidden);
    matrix(layer + "attn_k.weight", kHidden / 4, kHidden);
    matrix(layer + "attn_v.weight", kHidden / 4, kHidden);
    matrix(layer + "attn_output.weight", kHidden, kHidden);
    matrix(layer + "ffn_gate.weight", kFfn, kHidden);
    matrix(layer + "ffn_up.weight", kFfn, kHidden);
    matrix(layer + "ffn_down.weight", kHidden, kFfn);
  }
  const std::string path = folder.path() + "/model.gguf";
  writer.save(path);
  return path;
}

class Plan : public testing::Test {
 protected:
  void SetUp() override {
    // Scratch of threads that find nothing to do is planned, and in so small a model never touched.
    HostCallbacks callbacks;
    callbacks.option = [](std::string_view plugin, std::string_view key) -> std::optional<std::string> {
      return plugin == "cpu" && key == "threads" ? std::optional<std::string>("2") : std::nullopt;
    };
    registry_ = built_plugins({.dirs = {BP_BUILD_DIR "/lib/backplane/plugins"}}, std::move(callbacks));
    auto device = registry_->open("cpu:0");
    ASSERT_TRUE(device) << device.error().message();
    device_ = std::move(*device);
    auto model = Model::open(write_model(folder_));
    ASSERT_TRUE(model) << model.error().message();
    model_ = std::make_unique<Model>(std::move(*model));
    for (const auto& [name, view] : model_->weights().all()) file_bytes_ += view.bytes.size();
  }

  std::unique_ptr<Engine> create(const EngineOptions& options) {
    auto engine = Engine::create(*model_, device_.get(), options);
    EXPECT_TRUE(engine) << engine.error().message();
    const auto compiled = (*engine)->executor().compile_all();
    EXPECT_TRUE(compiled) << compiled.error().message();
    return std::move(*engine);
  }

  // The whole context of one sequence, in steps that fill the arena.
  static void fill(Engine& engine) {
    Request request;
    request.prompt.assign(static_cast<size_t>(engine.max_context()), 3);
    request.max_new_tokens = 1;
    ASSERT_TRUE(engine.add(std::move(request)));
    while (!engine.idle()) ASSERT_TRUE(engine.step());
  }

  test::TempFolder folder_;
  std::unique_ptr<PluginRegistry> registry_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Model> model_;
  uint64_t file_bytes_ = 0;
};

TEST_F(Plan, FindsTheTotalWithoutReadingWeights) {
  EngineOptions options{.max_seqs = 1, .max_batch_tokens = 64, .buckets = {1}, .rehearse = true};
  const uint64_t mapped = process_memory().mapped_bytes;
  const MemoryUsage planned = create(options)->executor().memory();
  const uint64_t read = process_memory().mapped_bytes - mapped;
  EXPECT_LT(read, file_bytes_ / 10);
  EXPECT_GT(planned.weights, file_bytes_ / 2);
  EXPECT_EQ(planned.total(), planned.slabs() + planned.driver);

  options.rehearse = false;
  const auto engine = create(options);
  const MemoryUsage taken = engine->executor().memory();
  EXPECT_EQ(taken.slabs(), planned.slabs());
  EXPECT_EQ(taken.weights, planned.weights);
  EXPECT_EQ(taken.kv, planned.kv);
  if (kSanitized) return;
  fill(*engine);
  const auto used = static_cast<double>(process_memory().own_bytes);
  EXPECT_NEAR(static_cast<double>(planned.total()), used, 0.03 * used);
}

// What a GPU has less of is what the plan says, but for the pages of 2 MiB that each slab begins.
TEST_F(Plan, OfAGpuIsWhatIsGoneOfItsMemory) {
  auto opened = registry_->open("cuda:0");
  if (!opened) GTEST_SKIP() << opened.error().message();
  device_ = std::move(*opened);
  EngineOptions options{.max_seqs = 4, .max_batch_tokens = 64, .buckets = {1}, .rehearse = true};
  const MemoryUsage planned = create(options)->executor().memory();
  options.rehearse = false;
  const auto before = device_->free_bytes();
  const auto engine = create(options);
  fill(*engine);
  const auto after = device_->free_bytes();
  ASSERT_TRUE(before && after);
  const auto gone = static_cast<double>(*before - *after);
  const MemoryUsage taken = engine->executor().memory();
  EXPECT_EQ(taken.slabs(), planned.slabs());
  // Staging is on the host but for what one step takes.
  const auto slabs = static_cast<double>(planned.slabs());
  const double least = slabs - static_cast<double>(planned.staging);
  std::cout << "planned slabs " << slabs / 1e6 << " MB, gone " << gone / 1e6 << " MB, beside slabs "
            << static_cast<double>(taken.driver) / 1e6 << " MB\n";
  EXPECT_GE(gone, least);
  EXPECT_LE(gone, slabs + static_cast<double>(taken.driver) + 16 * 0x1p21);
  EXPECT_LE(static_cast<double>(taken.driver), 0.5 * slabs);
}

// The fake's memory is out of the host's reach, so all weights are copied; for so few nothing is pinned.
TEST_F(Plan, KnowsWhatADeviceWithMemoryOfItsOwnTakes) {
  const EngineOptions planning{.max_seqs = 1, .max_batch_tokens = 64, .buckets = {1}, .rehearse = true};
  HostCallbacks callbacks;
  callbacks.option = [](std::string_view, std::string_view key) {
    return key == "own_memory" ? std::optional<std::string>("true") : std::nullopt;
  };
  device_.reset();
  registry_ = built_plugins({.paths = {BP_BUILD_DIR "/tests/fakes/wrapping/capture.so"}}, std::move(callbacks));
  auto opened = registry_->open("capture:0");
  ASSERT_TRUE(opened) << opened.error().message();
  device_ = std::move(*opened);
  const auto counts = [&] { return *static_cast<const capture_counts*>(device_->extension("x.capture_counts/0")); };
  const MemoryUsage planned = create(planning)->executor().memory();
  EXPECT_EQ(counts().most_pinned_bytes, 0u);
  EngineOptions options = planning;
  options.rehearse = false;
  const auto engine = create(options);
  const MemoryUsage taken = engine->executor().memory();
  EXPECT_EQ(taken.slabs(), planned.slabs());
  EXPECT_EQ(taken.in_place, 0u);
  EXPECT_EQ(taken.loading, 0u);
  EXPECT_EQ(planned.loading, 0u);
  EXPECT_LT(counts().most_pinned_bytes, uint64_t{1} << 20);  // parameters of steps
  fill(*engine);
}

TEST_F(Plan, StandInsRunWithoutReadingWeights) {
  EngineOptions options{.max_seqs = 1, .max_batch_tokens = 64, .buckets = {1}};
  StandIns stand_ins;
  options.replace_weights = [&](Graph& graph) { stand_ins.replace(graph); };
  const uint64_t mapped = process_memory().mapped_bytes;
  const auto engine = create(options);
  fill(*engine);
  EXPECT_LT(process_memory().mapped_bytes - mapped, file_bytes_ / 10);
  const auto logits = engine->executor().logits();
  ASSERT_TRUE(logits);
  float least = (*logits)[0], most = (*logits)[0];
  for (const float x : *logits) {
    ASSERT_TRUE(std::isfinite(x));
    least = std::min(least, x);
    most = std::max(most, x);
  }
  EXPECT_GT(most - least, 0.1f);  // no zeros, nor all alike
}

TEST_F(Plan, KvTakesItsShareOfWhatTheWeightsLeave) {
  EngineOptions options{.max_seqs = 4, .max_batch_tokens = 64, .buckets = {1}, .rehearse = true};
  const auto all = create(options);
  EXPECT_EQ(all->executor().n_pages(), 4 * 256 / 16);  // every sequence its whole context
  options.kv_max_bytes = all->executor().memory().kv / 2;
  EXPECT_EQ(create(options)->executor().n_pages(), 2 * 256 / 16);
  options.kv_max_bytes = 1;  // a rehearsal says how much is missing instead of failing
  EXPECT_EQ(create(options)->executor().n_pages(), 1);
  options.rehearse = false;
  const auto refused = Engine::create(*model_, device_.get(), options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kOutOfMemory);
}

using PlanDeathTest = Plan;

TEST_F(PlanDeathTest, ARehearsalDoesNotRun) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // the plugin has threads
  const auto engine = create({.max_seqs = 1, .max_batch_tokens = 64, .buckets = {1}, .rehearse = true});
  Request request;
  request.prompt = {1};
  ASSERT_TRUE(engine->add(std::move(request)));
  EXPECT_DEATH((void)engine->step(), "a step of a rehearsal");
}

}  // namespace
}  // namespace bp
