// A whole model through the library. The model's vocabulary is bytes and its weights are random: the texts mean
// nothing, but are the same each time.
#include <backplane/backplane.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <stop_token>
#include <thread>

#include "expect_error.h"

namespace bp::api {
namespace {

using testing::HasSubstr;

class EngineOnDevice : public testing::TestWithParam<const char*> {
 protected:
  Engine engine_{BP_BYTE_MODEL, {.device = GetParam()}, {.max_context = 64, .kv_memory_fraction = 0.01}};
};
INSTANTIATE_TEST_SUITE_P(Device, EngineOnDevice, testing::Values("reference", "cpu:0"), [](const auto& entry) {
  return std::string(entry.param) == "reference" ? "reference" : "cpu";
});

TEST_P(EngineOnDevice, TextIsStreamedAsItIsReturned) {
  EXPECT_EQ(engine_.device(), GetParam());
  EXPECT_TRUE(engine_.fallback_ops().empty());
  std::string streamed;
  const GenerateOptions options{.max_tokens = 12, .ignore_end = true};
  const Generation answer = engine_.generate("Hello", options, [&](std::string_view text) { streamed += text; });
  EXPECT_EQ(answer.text, streamed);
  EXPECT_EQ(answer.n_prompt_tokens, 5);
  EXPECT_EQ(answer.n_tokens, 12);
  EXPECT_EQ(answer.finish_reason, "length");
  EXPECT_EQ(engine_.generate("Hello", options).text, answer.text);
  // As many as there is room for.
  EXPECT_EQ(engine_.generate("Hello", {.ignore_end = true}).n_tokens, 64 - 5);
}

TEST_P(EngineOnDevice, ACallbackEndsTheText) {
  int n_calls = 0;
  const Generation answer =
      engine_.generate("Hello", {.ignore_end = true}, [&](std::string_view) { return ++n_calls < 3; });
  EXPECT_EQ(answer.finish_reason, "cancelled");
  EXPECT_EQ(n_calls, 3);
  EXPECT_THROW(
      engine_.generate("Hello", {.ignore_end = true}, [](std::string_view) { throw std::runtime_error("enough"); }),
      std::runtime_error);
  EXPECT_GT(engine_.generate("Hello", {.max_tokens = 2, .ignore_end = true}).n_tokens, 0);  // it goes on working
}

TEST(Engine, AStopTextEndsTheTextAndIsNoPartOfIt) {
  Engine engine(BP_BYTE_MODEL, {.device = "cpu:0"}, {.max_context = 64});
  const std::string whole = engine.generate("Hello", {.max_tokens = 20, .ignore_end = true}).text;
  ASSERT_GT(whole.size(), 6u);
  const std::string stop = whole.substr(whole.size() / 2, 3);
  const Generation cut = engine.generate("Hello", {.max_tokens = 20, .stop = {stop}, .ignore_end = true});
  EXPECT_EQ(cut.finish_reason, "stop");
  EXPECT_EQ(cut.text, whole.substr(0, whole.find(stop)));
}

TEST_P(EngineOnDevice, AConversationIsAnsweredByTheTemplate) {
  Engine engine(BP_CHAT_MODEL, {.device = GetParam()}, {.max_context = 64, .kv_memory_fraction = 0.01});
  const GenerateOptions options{.max_tokens = 12, .ignore_end = true};
  std::string streamed;
  const Generation answer = engine.chat({{"system", "Be brief."}, {"user", "Grüße {{ x }}"}}, options,
                                        [&](std::string_view text) { streamed += text; });
  EXPECT_EQ(answer.text, streamed);
  EXPECT_EQ(answer.n_tokens, 12);
  const Generation same = engine.generate("<system>Be brief.\n<user>Grüße {{ x }}\n<assistant>", options);
  EXPECT_EQ(answer.text, same.text);
  EXPECT_EQ(answer.n_prompt_tokens, same.n_prompt_tokens);
  EXPECT_ERROR(engine.chat({{"tool", "x"}}), ErrorCode::kRefused, HasSubstr("no tools here"));
}

TEST_P(EngineOnDevice, AnyThreadMayCancel) {
  std::stop_source stop;
  std::atomic<int> n_texts = 0;
  std::jthread other([&] {
    while (n_texts < 2) std::this_thread::yield();
    stop.request_stop();
  });
  const GenerateOptions options{.ignore_end = true, .cancel = stop.get_token()};
  const Generation answer = engine_.generate("Hello", options, [&](std::string_view) {
    if (++n_texts >= 2) other.join();
    return true;
  });
  EXPECT_EQ(answer.finish_reason, "cancelled");
  EXPECT_LT(answer.n_tokens, 20);
  EXPECT_EQ(engine_.generate("Hello", options).n_tokens, 0);  // it was asked before it began
  EXPECT_GT(engine_.generate("Hello", {.max_tokens = 2, .ignore_end = true}).n_tokens, 0);
}

TEST_P(EngineOnDevice, ACallbackMayNotAskTheSameEngine) {
  const GenerateOptions options{.max_tokens = 4, .ignore_end = true};
  EXPECT_ERROR(engine_.generate("Hello", options, [&](std::string_view) { engine_.generate("x"); }), ErrorCode::kUsage,
               HasSubstr("is answering already"));
  EXPECT_ERROR(engine_.generate("Hello", options, [&](std::string_view) { bp::api::profile(engine_); }),
               ErrorCode::kUsage, HasSubstr("is answering already"));
  EXPECT_EQ(engine_.generate("Hello", options).n_tokens, 4);
}

TEST(Engine, WhatWasMovedFromSaysSo) {
  Engine first(BP_BYTE_MODEL, {.device = "reference"}, {.max_context = 64});
  Engine second(std::move(first));
  EXPECT_ERROR(first.generate("x"), ErrorCode::kUsage, HasSubstr("was moved from"));  // NOLINT(bugprone-use-after-move)
  EXPECT_ERROR(first.device(), ErrorCode::kUsage, HasSubstr("was moved from"));
  EXPECT_EQ(second.generate("x", {.max_tokens = 1000, .ignore_end = true}).n_tokens, 63);  // no more than there is room
}

TEST(Engine, TokensAndTextsGoBothWays) {
  const Engine engine(BP_BYTE_MODEL, {.device = "reference"}, {.max_context = 64});
  EXPECT_EQ(engine.decode(engine.encode("Grüße")), "Grüße");
  EXPECT_EQ(engine.max_context(), 64);
}

TEST_P(EngineOnDevice, AProfileTellsOfEachLaunch) {
  const Profile made = bp::api::profile(engine_, {.n_prompt = 8, .n_gen = 3, .depth = 4, .limits = false});
  ASSERT_EQ(made.phases.size(), 2u);
  EXPECT_EQ(made.phases[1].name, "decode");
  EXPECT_EQ(made.phases[1].n_steps, 3);
  EXPECT_LE(made.phases[1].launch_us, made.phases[1].step_us);
  ASSERT_FALSE(made.ops.empty());
  double total_us = 0;
  for (const ProfileOp& op : made.ops) {
    total_us += op.total_us;
    EXPECT_GT(op.count, 0);
    EXPECT_GT(op.bytes, 0) << op.op;
    EXPECT_EQ(op.roofline_share, 0);
  }
  EXPECT_NEAR(total_us, made.phases[0].launch_us + made.phases[1].launch_us, 1e-6 * total_us);
  EXPECT_THAT(made.json, HasSubstr("\"ops\": ["));
  EXPECT_THAT(made.trace, HasSubstr("\"traceEvents\": ["));
  EXPECT_THAT(made.html, HasSubstr("</html>"));
  EXPECT_GT(engine_.generate("Hello", {.max_tokens = 2, .ignore_end = true}).n_tokens, 0);  // it goes on working
  EXPECT_ERROR(bp::api::profile(engine_, {.n_prompt = 0, .n_gen = 0}), ErrorCode::kUsage, HasSubstr("raise -p or -n"));
  EXPECT_ERROR(bp::api::profile(engine_, {.n_prompt = -1}), ErrorCode::kUsage, HasSubstr("n_prompt = -1"));
}

TEST(Engine, WrongUseIsSaidPlainly) {
  Engine engine(BP_BYTE_MODEL, {.device = "reference"}, {.max_context = 64});
  EXPECT_ERROR(engine.generate(""), ErrorCode::kUsage, HasSubstr("a prompt of 0 tokens where 1 to 63 fit"));
  EXPECT_ERROR(engine.generate(std::string(64, 'x')), ErrorCode::kUsage, HasSubstr("a prompt of 64 tokens"));
  EXPECT_ERROR(engine.generate("x", {.max_tokens = -1}), ErrorCode::kUsage, HasSubstr("max_tokens"));
  EXPECT_ERROR(engine.generate("x", {.temperature = -1}), ErrorCode::kUsage, HasSubstr("temperature: is -1"));
  EXPECT_ERROR(engine.generate("x", {.top_p = std::nanf("")}), ErrorCode::kUsage, HasSubstr("top_p"));
  EXPECT_ERROR(engine.generate("x", {.top_k = -1}), ErrorCode::kUsage, HasSubstr("top_k"));
  EXPECT_ERROR(engine.chat({{"user", "Hi"}}), ErrorCode::kRefused, HasSubstr("template"));
  EXPECT_ERROR(Engine("/nowhere/model.gguf"), ErrorCode::kRefused, HasSubstr("/nowhere/model.gguf"));
  EXPECT_ERROR(Engine(BP_BYTE_MODEL, {.device = "tpu:0"}), ErrorCode::kDevice, HasSubstr("tpu:0"));
  EXPECT_ERROR(Engine(BP_BYTE_MODEL, {.device = "reference"}, {.max_batch_tokens = 0}), ErrorCode::kUsage,
               HasSubstr("max_batch_tokens"));
  EXPECT_ERROR(Engine(BP_BYTE_MODEL, {.device = "reference"}, {.kv_memory_fraction = 2}), ErrorCode::kUsage,
               HasSubstr("kv_memory_fraction"));
  const auto load = [](const EngineOptions& options) { return Engine(BP_BYTE_MODEL, {.device = "cpu:0"}, options); };
  EXPECT_ERROR(load({.page_size = 24}), ErrorCode::kUsage, HasSubstr("page_size: is 24; give a power of two"));
  EXPECT_ERROR(load({.kv_dtype = DType::kQ4_0}), ErrorCode::kUsage, HasSubstr("kv_dtype"));
  EXPECT_ERROR(load({.kv_dtype = static_cast<DType>(999)}), ErrorCode::kUsage, HasSubstr("999"));
  EXPECT_ERROR(load({.act_dtype = i32}), ErrorCode::kUsage, HasSubstr("act_dtype"));
}

}  // namespace
}  // namespace bp::api
