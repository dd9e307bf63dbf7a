#include "perf/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "../built_plugins.h"
#include "../engine/golden_model.h"
#include "perf/profile_output.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

using testing::HasSubstr;

// A small mixture of experts on the CPU.
class ProfileTest : public testing::Test {
 protected:
  void SetUp() override {
    model_ = &model_of("qwen3_moe");
    registry_ = built_plugins();
    auto device = registry_->open("cpu:0");
    ASSERT_TRUE(device.has_value()) << device.error().message();
    device_ = std::move(*device);
  }

  void start(EngineOptions options = {.max_seqs = 2, .max_context = 64, .kv_max_bytes = 8 << 20}) {
    auto engine = Engine::create(*model_, device_.get(), std::move(options));
    ASSERT_TRUE(engine.has_value()) << engine.error().message();
    engine_ = std::move(*engine);
  }

  Result<Profile> run(const ProfileCase& what) {
    DeviceLimits limits;
    limits.read_bytes_per_s = 1e10;
    limits.matrix_ops_per_s[DType::kF32] = 1e11;
    return profile(*engine_, *model_, device_.get(), what, &limits);
  }

  const Model* model_ = nullptr;
  std::unique_ptr<PluginRegistry> registry_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(ProfileTest, CountsEveryLaunchOfTheStepsThatWereAskedFor) {
  start();
  const auto made = run({.n_prompt = 20, .n_gen = 5, .batch = 2, .depth = 10});
  ASSERT_TRUE(made.has_value()) << made.error().message();
  EXPECT_TRUE(engine_->idle());
  ASSERT_EQ(made->phases.size(), 2u);
  const ProfilePhase &prefill = made->phases[0], &decode = made->phases[1];
  EXPECT_EQ(prefill.name, "prefill");
  EXPECT_GE(prefill.n_tokens, 2 * 20);
  EXPECT_EQ(decode.n_steps, 5);
  EXPECT_EQ(decode.n_tokens, 10);
  const Program* program = engine_->executor().program(2).value();
  EXPECT_EQ(decode.ops.size(), static_cast<size_t>(program->n_launches()) + 1) << "and the sampler";
  for (const ProfileOp& op : decode.ops) {
    EXPECT_EQ(op.times.count(), 5) << op.name;
    EXPECT_GT(op.bytes, 0) << op.name;
    EXPECT_GT(op.bound_us, 0) << op.name;
    EXPECT_TRUE(std::ranges::is_sorted(op.times.each));
  }
  double shares = 0;
  for (const ProfileRow& row : decode.by_kernel) shares += row.step_share;
  EXPECT_NEAR(shares, decode.launch_us / decode.step_us, 1e-9);
  EXPECT_LE(shares, 1);
  EXPECT_GE(decode.host_us(), 0);
}

TEST_F(ProfileTest, LaunchesLieInTheirProgramsAndThoseInTheirSteps) {
  start();
  const auto made = run({.n_prompt = 8, .n_gen = 3});
  ASSERT_TRUE(made.has_value()) << made.error().message();
  ASSERT_EQ(made->steps.size(), 4u);
  double end = 0;
  for (const ProfileStep& step : made->steps) {
    EXPECT_GE(step.start_us, end - 1e-6);
    end = step.start_us + step.duration_us;
    ASSERT_EQ(step.runs.size(), 2u) << "the model and the sampler";
    double at = step.start_us;
    for (const ProfileRun& run : step.runs) {
      EXPECT_GE(run.start_us, at - 1e-6);
      for (const ProfileLaunch& launch : run.launches) {
        EXPECT_GE(launch.start_us, at - 1e-6);
        at = launch.start_us + launch.duration_us;
      }
      at = run.start_us + run.duration_us;
      EXPECT_LE(at, end + 1e-6);
    }
    EXPECT_GT(step.kv_bytes, 0u);
  }
  EXPECT_EQ(made->steps[0].start_us, 0);
}

TEST_F(ProfileTest, ReadsTheExpertsThatTokensChose) {
  start();
  const auto of = [&](int batch) {
    double bytes = 0;
    const auto made = run({.n_prompt = 0, .n_gen = 1, .batch = batch});
    EXPECT_TRUE(made.has_value());
    for (const ProfileOp& op : made->phases.at(0).ops) {
      if (op.weight.find("ffn_down_exps") != std::string::npos) bytes += op.bytes;
    }
    return bytes;
  };
  const double one = of(1), two = of(2);
  EXPECT_GT(one, 0);
  EXPECT_GE(two, one);
  EXPECT_LE(two, 2.1 * one);
  uint64_t all = 0;
  for (const auto& [name, tensor] : model_->weights().all()) {
    if (name.find("ffn_down_exps") != std::string::npos) all += tensor.bytes.size();
  }
  EXPECT_LT(one, static_cast<double>(all)) << "a token meets only some";
}

TEST_F(ProfileTest, AttentionReadsMoreOfALongerContext) {
  start();
  const auto of = [&](int depth) {
    double bytes = 0;
    const auto made = run({.n_prompt = 0, .n_gen = 1, .depth = depth});
    EXPECT_TRUE(made.has_value());
    for (const ProfileOp& op : made->phases.at(0).ops) bytes += op.op == "attention" ? op.bytes : 0;
    return bytes;
  };
  const Program* program = engine_->executor().program(1).value();
  double token_bytes = 0;
  for (const ValueId id : program->graph().inputs) {
    const Value& value = program->graph().value(id);
    if (value.role == Role::kKv)
      token_bytes += static_cast<double>(*row_bytes(value.dtype, 1)) *
                     static_cast<double>(value.dims[1].value * value.dims[3].value);
  }
  // 32 keys more, and two entries of the page table in each layer.
  EXPECT_NEAR(of(40) - of(8), 32 * token_bytes, 8.0 * 2 * static_cast<double>(program->steps().size()));
}

TEST_F(ProfileTest, WhatLeavesNothingToRunOrDoesNotFitIsRefused) {
  start();
  const auto nothing = run({.n_prompt = 0, .n_gen = 0});
  ASSERT_FALSE(nothing.has_value());
  EXPECT_EQ(nothing.error().code, ErrorCode::kUsage);
  EXPECT_THAT(nothing.error().message(), HasSubstr("raise -p or -n"));
  const auto long_one = run({.n_prompt = 60, .n_gen = 1, .depth = 10});
  ASSERT_FALSE(long_one.has_value());
  EXPECT_THAT(long_one.error().message(), HasSubstr("needs 70 tokens of context, there are 64"));
  EXPECT_TRUE(engine_->idle());
}

TEST_F(ProfileTest, ATraceNestsByTimeAndNamesItsThreads) {
  start();
  const auto made = run({.n_prompt = 4, .n_gen = 2});
  ASSERT_TRUE(made.has_value());
  const auto trace = parse_json(profile_trace(*made), "trace");
  ASSERT_TRUE(trace.has_value()) << trace.error().message();
  std::set<std::string> names, counters;
  size_t n_launches = 0, n_steps = 0;
  std::vector<double> ends;  // of the spans that are open
  for (const json::value& event : trace->at("traceEvents").as_array()) {
    EXPECT_EQ(event.at("pid").as_int64(), 1);
    EXPECT_TRUE(event.as_object().contains("tid"));
    const std::string phase(event.at("ph").as_string());
    if (phase == "M") names.emplace(event.at("name").as_string());
    if (phase == "C") {
      counters.emplace(event.at("name").as_string());
      EXPECT_GE(event.at("args").at("bytes").to_number<double>(), 0);
    }
    if (phase != "X") continue;
    const double start = event.at("ts").to_number<double>(), end = start + event.at("dur").to_number<double>();
    while (!ends.empty() && ends.back() <= start + 1e-6) ends.pop_back();
    if (!ends.empty()) {
      EXPECT_LE(end, ends.back() + 1e-3) << write_json(event);
    }
    ends.push_back(end);
    const std::string category(event.at("cat").as_string());
    n_launches += category == "launch" ? 1 : 0;
    n_steps += category == "prefill" || category == "decode" ? 1 : 0;
    if (category == "launch") {
      EXPECT_EQ(ends.size(), 3u) << "a launch in a program in a step";
    }
  }
  EXPECT_EQ(names, (std::set<std::string>{"process_name", "thread_name"}));
  EXPECT_EQ(counters, (std::set<std::string>{"activations", "kv pages in use", "weights"}));
  EXPECT_EQ(n_steps, 3u);
  size_t expected = 0;
  for (const ProfileStep& step : made->steps) {
    for (const ProfileRun& run : step.runs) expected += run.launches.size();
  }
  EXPECT_EQ(n_launches, expected);
}

TEST_F(ProfileTest, APageHoldsItsDataAndNothingFromElsewhere) {
  start();
  auto made = run({.n_prompt = 0, .n_gen = 3});
  ASSERT_TRUE(made.has_value());
  made->model = "</script><script>alert(1)</script>";
  const std::string page = profile_html(*made, 2);
  EXPECT_EQ(page.find("alert(1)</script>"), std::string::npos);
  EXPECT_EQ(page.find("@PROFILE@"), std::string::npos);
  for (const char* elsewhere : {"src=", "href=\"http", "@import", "url("}) {
    EXPECT_EQ(page.find(elsewhere), std::string::npos) << elsewhere;
  }
  const std::string open = "<script type=\"application/json\" id=\"data\">";
  const size_t begin = page.find(open) + open.size();
  const auto data = parse_json(page.substr(begin, page.find("</script>", begin) - begin), "data");
  ASSERT_TRUE(data.has_value()) << data.error().message();
  EXPECT_EQ(data->at("model").as_string(), made->model);
  EXPECT_EQ(data->at("n_steps").as_int64(), 3);
  EXPECT_EQ(data->at("steps").as_array().size(), 2u);
}

TEST(ProfileOutput, NoTimeIsNoDivisionByIt) {
  Profile empty;
  empty.phases.emplace_back().ops.emplace_back();
  const json::object document = profile_json(empty);
  EXPECT_EQ(document.at("ops").at(0).at("gbps").to_number<double>(), 0);
  EXPECT_EQ(document.at("phases").at(0).at("tokens_per_s").to_number<double>(), 0);
  EXPECT_TRUE(parse_json(write_json(document), "empty").has_value());
}

}  // namespace
}  // namespace bp
