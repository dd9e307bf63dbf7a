// A device that fails on demand (tests/fakes/faulty.c) under an engine: the engine ends with a clean error that names
// the launch where it can be known, in bounded time, and the process goes on. With EngineOptions::strict silent
// corruption is found, and the op named.
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <optional>

#include "../built_plugins.h"
#include "base/log.h"
#include "engine/engine.h"
#include "golden_model.h"

namespace bp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

using Options = std::map<std::string, std::string, std::less<>>;

struct Outcome {
  std::vector<int32_t> tokens;
  std::optional<Error> error;
  std::string message() const { return error ? error->message() : "no error"; }
};

EngineOptions small(bool overlap = false) {
  return {.max_seqs = 1, .max_batch_tokens = 8, .kv_max_bytes = 1 << 20, .buckets = {8}, .overlap = overlap};
}

// The engine, then the device, then the plugin are gone when it returns.
Outcome run(const Options& faults, const EngineOptions& engine_options, int64_t timeout_ms = 100,
            const char* id = "faulty:0", const std::string& model = "llama") {
  HostCallbacks callbacks{.option = [&](std::string_view, std::string_view key) -> std::optional<std::string> {
                            const auto found = faults.find(key);
                            return found == faults.end() ? std::nullopt : std::optional(found->second);
                          },
                          .ops = {}};
  PluginSearch search;
  if (std::string(id) == "faulty:0") {
    search.paths = {BP_BUILD_DIR "/tests/fakes/wrapping/faulty.so"};
  } else {
    search.dirs = {BP_BUILD_DIR "/lib/backplane/plugins"};
  }
  const auto registry = built_plugins(search, std::move(callbacks));
  Outcome outcome;
  auto device = registry->open(id);
  if (!device.has_value()) {
    outcome.error = device.error();
    return outcome;
  }
  (*device)->set_wait_limit_ms(timeout_ms);
  auto engine = Engine::create(model_of(model), device->get(), engine_options);
  if (!engine.has_value()) {
    outcome.error = engine.error();
    return outcome;
  }
  Request request;
  request.prompt = {3, 1, 4, 1, 5, 9, 2, 6};
  request.max_new_tokens = 10;
  EXPECT_TRUE((*engine)->add(request).has_value());
  while (!(*engine)->idle()) {
    const auto events = (*engine)->step();
    if (!events.has_value()) {
      outcome.error = events.error();
      return outcome;
    }
    for (const TokenEvent& event : *events) outcome.tokens.push_back(event.token);
  }
  return outcome;
}

const std::vector<int32_t>& expected() {
  static const std::vector<int32_t> tokens = run({}, small(), 100, "cpu:0").tokens;
  return tokens;
}

// What it wrote to the log while `f` ran: nothing may be left behind.
template <class F>
void expect_no_leak(F&& f) {
  testing::internal::CaptureStderr();
  f();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), Not(HasSubstr("alive")));
}

TEST(Fault, WithoutOneTokensAreTheCpus) {
  ASSERT_EQ(expected().size(), 10u);
  for (const bool overlap : {false, true}) {
    const Outcome outcome = run({}, small(overlap));
    EXPECT_FALSE(outcome.error) << outcome.message();
    EXPECT_EQ(outcome.tokens, expected());
  }
}

// Some of them are not needed: pinned memory for the tokens.
TEST(Fault, EachAllocationMayFail) {
  int n_failed = 0;
  for (int at = 1; at <= 40; ++at) {
    Outcome outcome;
    expect_no_leak([&] { outcome = run({{"fail", "alloc"}, {"at", std::to_string(at)}}, small(true)); });
    if (!outcome.error) {
      EXPECT_EQ(outcome.tokens, expected()) << at;
      continue;
    }
    ++n_failed;
    EXPECT_EQ(outcome.error->code, ErrorCode::kOutOfMemory) << at << ": " << outcome.message();
    EXPECT_THAT(outcome.message(), HasSubstr("the fake gives no more")) << at;
  }
  EXPECT_GT(n_failed, 5);
  EXPECT_LT(n_failed, 40);
}

// Launches of the attention kernels: some of the prompt, then one for each layer and token.
Options in_attention(const char* fail, int at) {
  return {{"fail", fail}, {"at", std::to_string(at)}, {"kernel", "attention"}};
}

TEST(Fault, ALaunchThatFailsIsNamed) {
  for (const bool overlap : {false, true}) {
    for (const int at : {1, 8}) {
      expect_no_leak([&] {
        const Outcome outcome = run(in_attention("launch", at), small(overlap));
        ASSERT_TRUE(outcome.error);
        EXPECT_EQ(outcome.error->code, ErrorCode::kDevice);
        EXPECT_THAT(outcome.message(), AllOf(HasSubstr("faulty:0 node blk."), HasSubstr("attention"),
                                             HasSubstr("launch failed: internal error: the fake refuses this launch")));
      });
    }
  }
}

TEST(Fault, ADeviceLostWhileDecodingEndsTheStepAndNothingElseIsAskedOfIt) {
  for (const bool overlap : {false, true}) {
    expect_no_leak([&] {
      const Outcome outcome = run(in_attention("lost", 9), small(overlap));
      ASSERT_TRUE(outcome.error);
      EXPECT_FALSE(outcome.tokens.empty());
      EXPECT_EQ(outcome.error->code, ErrorCode::kDevice);
      EXPECT_THAT(outcome.message(), AllOf(HasSubstr("node blk."), HasSubstr("the fake fell off the bus"),
                                           HasSubstr("open the device again")));
    });
  }
}

TEST(Fault, AFaultThatShowsLaterIsOfTheLaunchThatCausedIt) {
  for (const bool overlap : {false, true}) {
    const Outcome outcome = run(in_attention("later", 3), small(overlap));
    ASSERT_TRUE(outcome.error);
    EXPECT_THAT(outcome.message(),
                AllOf(HasSubstr("node blk."), HasSubstr("attention"), HasSubstr("an earlier launch failed")));
  }
  // Reported by a copy or a wait, which know of no node: the sampler's, the last launch of a step.
  const Outcome outcome = run({{"fail", "later"}, {"at", "2"}, {"kernel", "sample"}}, small());
  ASSERT_TRUE(outcome.error);
  EXPECT_THAT(outcome.message(), AllOf(HasSubstr("node"), HasSubstr("sample"), HasSubstr("an earlier launch failed")));
}

TEST(Fault, WhereTheRuntimeKnowsNoCulpritTheLaunchesRunOneByOne) {
  const Outcome outcome = run(in_attention("gone", 3), small());
  ASSERT_TRUE(outcome.error);
  EXPECT_THAT(outcome.message(), HasSubstr("run one by one, none of the launches fails"));
  // Strict engines wait after each launch, and so know.
  EngineOptions strict = small();
  strict.strict = true;
  EXPECT_THAT(run(in_attention("gone", 3), strict).message(),
              AllOf(HasSubstr("node blk."), HasSubstr("attention"), HasSubstr("an earlier launch failed")));
}

TEST(Fault, AWaitThatNeverEndsIsGivenUp) {
  for (const bool overlap : {false, true}) {
    // Where steps are enqueued ahead, events are waited for instead.
    const Outcome sync = run({{"fail", "sync"}, {"at", overlap ? "1" : "8"}}, small(overlap));
    ASSERT_TRUE(sync.error);
    EXPECT_EQ(sync.error->code, ErrorCode::kDevice);
    EXPECT_THAT(sync.message(), AllOf(HasSubstr("queue_sync failed: timeout"), HasSubstr("scope device")));
  }
  const Outcome event = run({{"fail", "event"}, {"at", "3"}}, small(true));
  ASSERT_TRUE(event.error);
  EXPECT_THAT(event.message(), AllOf(HasSubstr("event_sync failed: timeout"), HasSubstr("engine.strict = true")));
}

EngineOptions strict() {
  EngineOptions options = small();
  options.strict = true;
  return options;
}

TEST(Strict, ARightDeviceGivesItsTokens) {
  for (const bool overlap : {false, true}) {
    EngineOptions options = strict();
    options.overlap = overlap;
    const Outcome outcome = run({}, options);
    EXPECT_FALSE(outcome.error) << outcome.message();
    EXPECT_EQ(outcome.tokens, expected());
  }
  // Experts, latent attention, quantised weights and caches of f16.
  for (const char* model : {"qwen3_moe", "deepseek_v3", "gpt_oss", "variant_qwen3_mixed"}) {
    if (!std::filesystem::exists(std::string(BP_SOURCE_DIR "/tests/goldens/data/") + model)) continue;
    const Outcome outcome = run({}, strict(), 100, "cpu:0", model);
    EXPECT_FALSE(outcome.error) << model << ": " << outcome.message();
  }
}

TEST(Strict, ANumberThatAKernelGetsWrongIsFoundAndTheOpNamed) {
  const Outcome silent = run({{"fail", "kernel"}, {"at", "5"}, {"kernel", "matmul"}}, small());
  EXPECT_FALSE(silent.error) << "nothing else sees it: " << silent.message();
  const Outcome outcome = run({{"fail", "kernel"}, {"at", "5"}, {"kernel", "matmul"}}, strict());
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, ErrorCode::kDevice);
  EXPECT_THAT(outcome.message(), AllOf(HasSubstr("faulty:0 node blk."), HasSubstr("matmul"),
                                       HasSubstr("kernel cpu.matmul"), HasSubstr(" made result["),
                                       HasSubstr("the reference "), HasSubstr("kernels.deny = [\"cpu.matmul")));
}

TEST(Strict, ANaNIsFound) {
  const Outcome outcome = run(in_attention("nan", 2), strict());
  ASSERT_TRUE(outcome.error);
  EXPECT_THAT(outcome.message(),
              AllOf(HasSubstr("node blk."), HasSubstr("attention"), HasSubstr(" = nan, the reference ")));
}

TEST(Strict, BytesBehindAResultAreFound) {
  const Outcome outcome = run(in_attention("past", 2), strict());
  ASSERT_TRUE(outcome.error);
  EXPECT_THAT(outcome.message(),
              AllOf(HasSubstr("node blk."), HasSubstr("attention"), HasSubstr("wrote behind the end of")));
}

TEST(Strict, AnOperandThatAKernelChangesIsFound) {
  const Outcome outcome = run(in_attention("operand", 2), strict());
  ASSERT_TRUE(outcome.error);
  EXPECT_THAT(outcome.message(),
              AllOf(HasSubstr("node blk."), HasSubstr("attention"), HasSubstr("changed its operand ")));
}

TEST(Strict, ACopyThatChangesAnythingIsFound) {
  for (const char* at : {"1", "9", "20"}) {
    const Outcome outcome = run({{"fail", "copy"}, {"at", at}}, strict());
    ASSERT_TRUE(outcome.error) << at;
    EXPECT_THAT(outcome.message(), HasSubstr("plugin faulty: copy changed what it copied: byte ")) << at;
  }
}

TEST(Strict, DoesNotGoWithGraphs) {
  EngineOptions options = strict();
  options.capture = CaptureMode::kOn;
  EXPECT_EQ(run({}, options).message(),
            "engine.strict: checks launches one by one, and engine.capture is \"on\"; set engine.capture = \"auto\"");
}

}  // namespace
}  // namespace bp
