// Steps that are enqueued ahead, and steps that are native graphs, give the tokens of steps that run one by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <random>

#include "../built_plugins.h"
#include "base/log.h"
#include "engine/engine.h"
#include "golden_model.h"
#include "plugin_host/registry.h"

#include "../../fakes/capture_counts.h"

namespace bp {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;
using Tokens = std::map<SequenceId, std::vector<int32_t>>;

// A device with the plugin that brought it; `options` are the plugin's own.
struct Opened {
  std::unique_ptr<PluginRegistry> registry;
  std::unique_ptr<Device> device;

  explicit Opened(const std::string& id, Options options = {}) {
    HostCallbacks callbacks;
    callbacks.option = [options = std::move(options)](std::string_view, std::string_view key) {
      const auto found = options.find(key);
      return found == options.end() ? std::nullopt : std::optional(found->second);
    };
    PluginSearch search;
    if (id == "capture:0") {
      search.paths = {BP_BUILD_DIR "/tests/fakes/wrapping/capture.so"};
    } else {
      search.dirs = {BP_BUILD_DIR "/lib/backplane/plugins"};
    }
    registry = built_plugins(search, std::move(callbacks));
    auto opened = registry->open(id);
    EXPECT_TRUE(opened.has_value()) << opened.error().message();
    if (opened.has_value()) device = std::move(*opened);
  }

  capture_counts counts() const { return *static_cast<const capture_counts*>(device->extension("x.capture_counts/0")); }
};

// The fake is always there, a GPU where the machine has one.
bool is_usable(std::string_view id) {
  if (id == "capture:0") return true;
  const auto registry = built_plugins();
  return std::ranges::any_of(registry->devices(),
                             [&](const DeviceInfo& info) { return info.id == id && info.score > 0; });
}

std::unique_ptr<Engine> make_engine(const Model& model, Device* device, const EngineOptions& options) {
  auto made = Engine::create(model, device, options);
  EXPECT_TRUE(made.has_value()) << made.error().message();
  return made.has_value() ? std::move(*made) : nullptr;
}

struct Arrival {
  int step = 0;          // before which the request comes
  int cancel_after = 0;  // tokens; 0: never
  Request request;
};

// Requests that join while others run, of all lengths, greedy and drawn; many end by a stop token.
std::vector<Arrival> random_trace(int n_steps, int32_t vocab) {
  std::mt19937 random(11);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint32_t>(n)); };
  std::vector<Arrival> trace;
  for (int step = 0; step < n_steps + n_steps / 4; ++step) {  // in some the engine is idle
    if (below(5) != 0) continue;
    Arrival arrival;
    arrival.step = step;
    for (int n = 1 + below(40); n > 0; --n) arrival.request.prompt.push_back(below(vocab));
    arrival.request.max_new_tokens = below(12) == 0 ? 0 : 1 + below(40);
    if (below(3) != 0) arrival.request.sampling.temperature = 1.5f;
    arrival.request.sampling.seed = step;
    if (below(2) == 0) {
      for (int i = 0; i < vocab / 16; ++i) arrival.request.stop_tokens.push_back(below(vocab));
    }
    if (below(8) == 0) arrival.cancel_after = 1 + below(10);
    trace.push_back(std::move(arrival));
  }
  return trace;
}

struct Played {
  Tokens tokens;
  std::map<SequenceId, FinishReason> finishes;
  int n_steps = 0;
};

Played play(Engine& engine, const std::vector<Arrival>& trace, bool cancels) {
  Played played;
  std::map<SequenceId, int> cancel_after;
  size_t next = 0;
  for (int step = 0; next < trace.size() || !engine.idle(); ++step) {
    for (; next < trace.size() && trace[next].step <= step; ++next) {
      const auto id = engine.add(trace[next].request);
      EXPECT_TRUE(id.has_value()) << id.error().message();
      if (cancels && trace[next].cancel_after > 0) cancel_after[*id] = trace[next].cancel_after;
    }
    if (engine.idle()) continue;
    const auto events = engine.step();
    if (!events.has_value()) {
      ADD_FAILURE() << events.error().message();
      return played;
    }
    ++played.n_steps;
    for (const TokenEvent& event : *events) {
      EXPECT_EQ(played.finishes.count(event.sequence), 0u) << "a token after the end of " << event.sequence;
      auto& tokens = played.tokens[event.sequence];
      tokens.push_back(event.token);
      if (event.finish != FinishReason::kRunning) played.finishes[event.sequence] = event.finish;
      const auto cancel = cancel_after.find(event.sequence);
      if (cancel == cancel_after.end() || tokens.size() != static_cast<size_t>(cancel->second)) continue;
      engine.cancel(event.sequence);
      played.finishes.emplace(event.sequence, FinishReason::kRunning);
    }
  }
  return played;
}

int trace_steps() {
  const char* text = std::getenv("BP_TRACE_STEPS");
  int steps = 400;
  if (text != nullptr) std::from_chars(text, text + std::string_view(text).size(), steps);
  return steps;
}

// 8 pages of 16 tokens for sequences of up to 80: they push each other out.
EngineOptions squeezed(bool overlap, CaptureMode capture) {
  return {.max_seqs = 6,
          .max_batch_tokens = 24,
          .max_chunk = 13,
          .max_context = 96,
          .kv_max_bytes = 8 * 16 * 1536,
          .overlap = overlap,
          .capture = capture};
}

// The fake's kernels are the CPU plugin's.
const char* kernels_of(std::string_view id) { return id == "cuda:0" ? "cuda:0" : "cpu:0"; }

// What one step at a time gives with the same kernels, with nothing cancelled.
const Played& expected_of(const std::string& id) {
  static std::map<std::string, Played> all;
  const auto [found, is_new] = all.try_emplace(id);
  if (is_new) {
    const Opened opened(id);
    const Model& model = model_of("qwen3");
    const auto trace = random_trace(trace_steps(), static_cast<int32_t>(model.config().vocab));
    found->second = play(*make_engine(model, opened.device.get(), squeezed(false, CaptureMode::kOff)), trace, false);
  }
  return found->second;
}

void expect_same(const Played& got, const Played& expected, const std::vector<Arrival>& trace) {
  for (size_t i = 0; i < trace.size(); ++i) {
    const auto id = static_cast<SequenceId>(i);
    std::vector<int32_t> want = expected.tokens.at(id);
    const auto limit = static_cast<size_t>(trace[i].cancel_after);
    if (limit > 0 && want.size() > limit) want.resize(limit);
    ASSERT_EQ(got.tokens.at(id), want) << "request " << i;
    if (limit == 0) {
      EXPECT_EQ(got.finishes.at(id), expected.finishes.at(id)) << "request " << i;
    }
  }
}

class Overlap : public testing::TestWithParam<std::tuple<const char*, bool, CaptureMode>> {};

// BP_TRACE_STEPS=10000 for the long way.
TEST_P(Overlap, TokensAreThoseOfStepsOneByOne) {
  const auto& [id, overlap, capture] = GetParam();
  if (!is_usable(id)) GTEST_SKIP() << "there is no " << id;
  const Model& model = model_of("qwen3");
  const auto trace = random_trace(trace_steps(), static_cast<int32_t>(model.config().vocab));
  const Opened opened(id);
  const auto engine = make_engine(model, opened.device.get(), squeezed(overlap, capture));
  const Played played = play(*engine, trace, true);
  expect_same(played, expected_of(kernels_of(id)), trace);
  EXPECT_GE(played.n_steps, trace_steps());
  if (capture == CaptureMode::kOn && std::string_view(id) == "capture:0") {
    EXPECT_GT(opened.counts().graph_launches, static_cast<uint64_t>(trace_steps()));
  }
}

// As on a GPU: the host reaches nothing but pinned memory.
TEST(OverlapOnAFake, TokensAreTheSameWhereTheHostDoesNotReachTheMemory) {
  const Model& model = model_of("qwen3");
  const auto trace = random_trace(trace_steps(), static_cast<int32_t>(model.config().vocab));
  const Opened opened("capture:0", {{"own_memory", "true"}});
  const auto engine = make_engine(model, opened.device.get(), squeezed(true, CaptureMode::kOn));
  expect_same(play(*engine, trace, true), expected_of("cpu:0"), trace);
}

using Way = std::tuple<const char*, bool, CaptureMode>;

std::string way_name(const testing::TestParamInfo<Way>& info) {
  const auto& [id, overlap, capture] = info.param;
  return std::string(id).substr(0, std::string_view(id).find(':')) + (overlap ? "_overlapped" : "_alone") +
         (capture == CaptureMode::kOn ? "_captured" : "");
}

INSTANTIATE_TEST_SUITE_P(Devices, Overlap,
                         testing::Values(Way("cpu:0", true, CaptureMode::kAuto),
                                         Way("capture:0", true, CaptureMode::kOn),
                                         Way("capture:0", true, CaptureMode::kOff),
                                         Way("capture:0", false, CaptureMode::kOn),
                                         Way("cuda:0", true, CaptureMode::kOff), Way("cuda:0", true, CaptureMode::kOn),
                                         Way("cuda:0", false, CaptureMode::kOn)),
                         way_name);

Request ten_tokens() {
  Request request;
  request.prompt = {3, 1, 4, 1, 5, 9, 2, 6};
  request.max_new_tokens = 10;
  return request;
}

Result<std::vector<int32_t>> ten_of(Engine& engine) {
  BP_TRY_VOID(engine.add(ten_tokens()));
  std::vector<int32_t> tokens;
  while (!engine.idle()) {
    BP_TRY(const auto events, engine.step());
    for (const TokenEvent& event : events) tokens.push_back(event.token);
  }
  return tokens;
}

EngineOptions one_bucket(CaptureMode capture = CaptureMode::kOn) {
  return {.max_seqs = 1,
          .max_batch_tokens = 8,
          .kv_max_bytes = 1 << 20,
          .buckets = {8},
          .overlap = false,
          .capture = capture};
}

std::vector<int32_t> uncaptured() {
  const Opened cpu("cpu:0");
  const auto tokens = ten_of(*make_engine(model_of("llama"), cpu.device.get(), one_bucket(CaptureMode::kOff)));
  EXPECT_TRUE(tokens.has_value());
  return tokens.value_or(std::vector<int32_t>());
}

TEST(Capture, RecordsTheSecondRunAndReplaysTheOthers) {
  const Opened opened("capture:0");
  {
    const auto engine = make_engine(model_of("llama"), opened.device.get(), one_bucket());
    const auto tokens = ten_of(*engine);
    ASSERT_TRUE(tokens.has_value()) << tokens.error().message();
    EXPECT_EQ(*tokens, uncaptured());
    const auto program = engine->executor().program(8);
    ASSERT_TRUE(program.has_value());
    const auto n_layers = model_of("llama").config().n_layers;
    // Attention is not capture-safe: each layer's splits the step.
    EXPECT_EQ((*program)->n_graphs(), n_layers + 1);
    const auto n_graphs = static_cast<uint64_t>((*program)->n_graphs());
    const capture_counts counts = opened.counts();
    EXPECT_EQ(counts.begins, n_graphs);
    EXPECT_EQ(counts.ends, n_graphs);
    EXPECT_EQ(counts.abandons, 0u);
    EXPECT_EQ(counts.graph_launches, 9 * n_graphs);  // a prompt, then 9 tokens that are fed back
    EXPECT_EQ(counts.graphs_alive, n_graphs);
    EXPECT_EQ(counts.recorded + static_cast<uint64_t>(n_layers), static_cast<uint64_t>((*program)->n_launches()));
    EXPECT_EQ((*program)->memory().graph_bytes, counts.recorded * 100);
  }
  EXPECT_EQ(opened.counts().graphs_alive, 0u);
}

// A step of a GPU whose kernels are all capture-safe is one graph for each bucket.
TEST(Capture, AGpuReplaysTheWholeStep) {
  if (!is_usable("cuda:0")) GTEST_SKIP() << "there is no cuda:0";
  const Opened opened("cuda:0");
  for (const char* name : {"llama", "qwen3_moe"}) {
    const auto plain = ten_of(*make_engine(model_of(name), opened.device.get(), one_bucket(CaptureMode::kOff)));
    ASSERT_TRUE(plain.has_value()) << plain.error().message();
    const auto engine = make_engine(model_of(name), opened.device.get(), one_bucket());
    const auto tokens = ten_of(*engine);
    ASSERT_TRUE(tokens.has_value()) << tokens.error().message();
    EXPECT_EQ(*tokens, *plain) << name;
    EXPECT_EQ(engine->executor().fallback_ops(), std::vector<std::string>());
    const auto program = engine->executor().program(8);
    ASSERT_TRUE(program.has_value());
    EXPECT_EQ((*program)->n_graphs(), 1) << name;
  }
}

// A prompt that half fills a large bucket would be computed in full.
TEST(Capture, AutoLeavesBucketsOfPromptsAlone) {
  for (const auto& [capture, captured] : {std::pair(CaptureMode::kAuto, false), std::pair(CaptureMode::kOn, true)}) {
    const Opened opened("capture:0");
    EngineOptions options = one_bucket(capture);
    options.buckets = {1, 8};
    const auto engine = make_engine(model_of("llama"), opened.device.get(), options);
    for (const auto& [bucket, wanted] : {std::pair(1, true), std::pair(8, captured)}) {
      const auto program = engine->executor().program(bucket);
      ASSERT_TRUE(program.has_value()) << program.error().message();
      EXPECT_EQ((*program)->captures(), wanted) << bucket;
    }
  }
}

TEST(Capture, OffMakesNoGraphs) {
  const Opened opened("capture:0");
  const auto engine = make_engine(model_of("llama"), opened.device.get(), one_bucket(CaptureMode::kOff));
  const auto tokens = ten_of(*engine);
  ASSERT_TRUE(tokens.has_value()) << tokens.error().message();
  EXPECT_EQ(*tokens, uncaptured());
  EXPECT_EQ(opened.counts().begins, 0u);
}

TEST(Capture, OnIsAnErrorWhereTheDeviceHasNoGraphs) {
  const Opened cpu("cpu:0");
  const auto refused = Engine::create(model_of("llama"), cpu.device.get(), one_bucket());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message(),
            "engine.capture: is \"on\", and cpu:0 has no native graphs (graph/1); use \"auto\", or another device");
}

TEST(Capture, AFailureFallsBackToTheListWithOneWarning) {
  for (const char* what : {"begin", "end", "launch"}) {
    const Opened opened("capture:0", {{"fail", what}});
    const auto engine = make_engine(model_of("llama"), opened.device.get(), one_bucket());
    testing::internal::CaptureStderr();
    const auto tokens = ten_of(*engine);
    const std::string said = testing::internal::GetCapturedStderr();
    ASSERT_TRUE(tokens.has_value()) << tokens.error().message();
    EXPECT_EQ(*tokens, uncaptured()) << what;
    const std::string warning = "its launches are enqueued one by one";
    EXPECT_NE(said.find(warning), std::string::npos) << what;
    EXPECT_EQ(said.find(warning), said.rfind(warning)) << what;
    EXPECT_EQ(opened.counts().graphs_alive, 0u) << what;
  }
}

TEST(Capture, AFaultInAGraphIsFoundOneByOne) {
  std::string culprit;
  std::string scope;
  {
    const Opened opened("capture:0");
    const auto engine = make_engine(model_of("llama"), opened.device.get(), one_bucket());
    const auto program = engine->executor().program(8);
    ASSERT_TRUE(program.has_value());
    for (const StepInfo& step : (*program)->steps()) {
      if (step.op.find("rope") == std::string::npos || !culprit.empty()) continue;
      culprit = step.kernel;
      scope = step.scope;
    }
  }
  ASSERT_FALSE(culprit.empty());
  for (const bool overlap : {false, true}) {
    const Opened opened("capture:0", {{"culprit", culprit}});
    EngineOptions options = one_bucket();
    options.overlap = overlap;
    const auto tokens = ten_of(*make_engine(model_of("llama"), opened.device.get(), options));
    ASSERT_FALSE(tokens.has_value());
    EXPECT_THAT(tokens.error().message(), testing::HasSubstr("a launch broke the queue"));
    EXPECT_THAT(tokens.error().message(), testing::HasSubstr("node " + scope));
    EXPECT_THAT(tokens.error().message(), testing::HasSubstr("alone it says: launch failed"));
  }
}

}  // namespace
}  // namespace bp
