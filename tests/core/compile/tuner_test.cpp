#include "compile/tuner.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "../built_plugins.h"
#include "compile/program.h"
#include "graph/builder.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

// y = x + one twice over, for up to 64 elements, on the fake whose kernel has tunables.
class TunerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("tuner_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    registry_ = built_plugins({.paths = {BP_BUILD_DIR "/tests/fakes/tunable.so"}});
    auto device = registry_->open("tunable:0");
    ASSERT_TRUE(device.has_value()) << device.error().message();
    device_ = std::move(*device);
    auto queue = device_->create_queue();
    ASSERT_TRUE(queue.has_value());
    queue_ = std::move(*queue);
    kernels_ = KernelTable::create(device_->kernels(), {});
    weights_ = std::make_unique<WeightStore>(device_.get(), &*queue_);
    arena_ = std::make_unique<Arena>(device_.get());
    for (const char* name : {"x", "one", "y"}) {
      auto buffer = Buffer::create(device_.get(), 256, name);
      ASSERT_TRUE(buffer.has_value());
      auto& kept = buffers_.emplace_back(std::make_unique<Buffer>(std::move(*buffer)));
      bindings_[name] = {kept.get(), 0, 256};
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::unique_ptr<Program> compile(Tuning* tuning, bool deterministic = true) {
    GraphBuilder b("twice");
    const Extent n = Extent::dynamic(b.symbol("n", 1, 64));
    const ValueId x = b.input("x", DType::kF32, {n}, Role::kParam);
    const ValueId one = b.input("one", DType::kF32, {n}, Role::kParam);
    b.output(b.add(b.add(x, one), one), "y");
    auto graph = b.finish();
    EXPECT_TRUE(graph.has_value());
    CompileInputs inputs;
    inputs.device = device_.get();
    inputs.queue = &*queue_;
    inputs.kernels = &*kernels_;
    inputs.weights = weights_.get();
    inputs.arena = arena_.get();
    inputs.bindings = &bindings_;
    inputs.tuning = tuning;
    inputs.options.deterministic = deterministic;
    auto program = Program::compile(std::move(*graph), inputs);
    EXPECT_TRUE(program.has_value()) << program.error().message();
    return program.has_value() ? std::move(*program) : nullptr;
  }

  // With `sizes`, in whole steps of so many elements.
  Result<TunerReport> tune_in_steps(std::vector<int64_t> sizes, bool deterministic = true, std::stop_token stop = {}) {
    const auto program = compile(nullptr);
    Tuning tuning(*device_, folder_.string(), deterministic);
    TunerOptions options;
    options.repeats = 9;
    options.stop = std::move(stop);
    BP_TRY(const auto tuner, Tuner::create(tuning, options));
    tuner->add(*program, runs_of(*program, sizes));
    return tuner->run();
  }

  std::vector<RunAgain> runs_of(Program& program, const std::vector<int64_t>& sizes) {
    std::vector<RunAgain> runs;
    for (const int64_t size : sizes) {
      runs.emplace_back([this, &program, size](RunObserver* observer) {
        ++n_runs_;
        return program.run(std::array<int64_t, 1>{size}, 1, observer);
      });
    }
    return runs;
  }

  // y = x + 2 for x = 0 to 63.
  void expect_right(Program& program) {
    for (const auto& buffer : buffers_) {
      auto* values = reinterpret_cast<float*>(buffer->host());
      for (int i = 0; i < 64; ++i) values[i] = static_cast<float>(i);
    }
    ASSERT_TRUE(program.run(std::array<int64_t, 1>{64}, 1).has_value());
    const auto* y = reinterpret_cast<const float*>(buffers_[2]->host());
    for (int i = 0; i < 64; ++i) EXPECT_EQ(y[i], 3 * static_cast<float>(i));
  }

  Result<std::vector<TunedKernel>> tune(bool deterministic = true) {
    const auto program = compile(nullptr);
    Tuning tuning(*device_, folder_.string(), deterministic);
    TunerOptions options;
    options.repeats = 15;  // where others use the machine too
    options.least_us = 500;
    BP_TRY(const auto tuner, Tuner::create(tuning, options));
    tuner->add(*program);
    BP_TRY(TunerReport report, tuner->run());
    return std::move(report.kernels);
  }

  fs::path folder_;
  std::unique_ptr<PluginRegistry> registry_;
  std::unique_ptr<Device> device_;
  std::optional<Queue> queue_;
  std::optional<KernelTable> kernels_;
  std::unique_ptr<WeightStore> weights_;
  std::unique_ptr<Arena> arena_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  Bindings bindings_;
  int n_runs_ = 0;
};

TEST_F(TunerTest, KeepsTheFastestThatGivesTheSameNumbers) {
  const auto reports = tune();
  ASSERT_TRUE(reports.has_value()) << reports.error().message();
  ASSERT_EQ(reports->size(), 1u) << "two launches, one problem";
  const TunedKernel& report = reports->front();
  EXPECT_EQ(report.why, "");
  EXPECT_EQ(report.problem, "f32[1..64] f32[1..64] f32[1..64]");
  EXPECT_EQ(report.n_launches, 2u);
  EXPECT_EQ(report.n_tried, 7u) << "all but the default; what changes bits keeps its value";
  EXPECT_EQ(report.n_wrong, 2u);
  EXPECT_EQ(report.n_failed, 2u);
  EXPECT_TRUE(report.config == "speed=1 way=0 sum=0" || report.config == "speed=1 way=3 sum=0") << report.config;
  EXPECT_TRUE(report.gained());

  Tuning tuning(*device_, folder_.string(), true);
  EXPECT_EQ(tuning.cache().size(), 1u);
  const bp_kernel& kernel = *device_->kernels()[0];
  EXPECT_EQ(config_text(kernel, tuning.config(kernel, report.problem)), report.config);
  EXPECT_EQ(tuning.tuned_us(kernel, report.problem), report.us);
  // The choice among kernels rests on what was measured, unless each bucket is to choose alike.
  const auto free = compile(&tuning, false);
  ASSERT_NE(free, nullptr);
  ASSERT_TRUE(free->steps()[0].cost.has_value());
  EXPECT_EQ(free->steps()[0].cost->source, CostSource::kTuned);
  EXPECT_EQ(free->steps()[0].cost->us, report.us);
  EXPECT_NE(compile(&tuning, true)->steps()[0].cost->source, CostSource::kTuned);
  EXPECT_TRUE(tuning.take_missing().empty());
  EXPECT_TRUE(tuning.config(kernel, "another").empty());
  EXPECT_EQ(tuning.take_missing(), std::vector<std::string>{"tunable.add_one another"});
}

TEST_F(TunerTest, ATunedProgramComputesTheSame) {
  ASSERT_TRUE(tune().has_value());
  Tuning tuning(*device_, folder_.string(), true);
  const auto program = compile(&tuning);
  ASSERT_NE(program, nullptr);
  expect_right(*program);
}

TEST_F(TunerTest, InStepsTheFastestThatGivesTheSameNumbersIsKept) {
  const auto report = tune_in_steps({64, 32});
  ASSERT_TRUE(report.has_value()) << report.error().message();
  ASSERT_EQ(report->kernels.size(), 1u);
  const TunedKernel& kernel = report->kernels.front();
  EXPECT_EQ(kernel.why, "");
  EXPECT_TRUE(kernel.in_steps);
  EXPECT_EQ(kernel.n_tried, 7u);
  EXPECT_EQ(kernel.n_wrong, 2u);
  EXPECT_EQ(kernel.n_failed, 2u);
  EXPECT_TRUE(kernel.config == "speed=1 way=0 sum=0" || kernel.config == "speed=1 way=3 sum=0") << kernel.config;
  EXPECT_TRUE(kernel.gained());
  ASSERT_EQ(report->steps.size(), 1u);
  EXPECT_LT(report->steps[0].us, report->steps[0].default_us);
  EXPECT_GT(n_runs_, 2 * 9 * 3) << "two sizes, rounds of the default, a candidate, the default";

  Tuning tuning(*device_, folder_.string(), true);
  EXPECT_EQ(config_text(*device_->kernels()[0], tuning.config(*device_->kernels()[0], kernel.problem)), kernel.config);
}

TEST_F(TunerTest, WhatOnlyARunCanFeedIsCheckedInOne) {
  const auto program = compile(nullptr);
  for (const auto& buffer : buffers_) std::fill_n(reinterpret_cast<float*>(buffer->host()), 64, 1.0F);
  Tuning tuning(*device_, folder_.string(), false);
  auto journal = TuningJournal::open(tuning.journal_path());
  ASSERT_TRUE(journal.has_value());
  StepTrial trial(*program);
  TunerOptions options;
  StepSearch search(trial, tuning, *journal, options);
  TunedKernel report;
  report.problem = "made up";
  std::vector<StepSearch::Problem> problems;
  problems.push_back({kernel_problems(*program).front().places,
                      {{0, 1, 0}, {0, 2, 0}, {1, 0, 0}, {1, 0, 1}, {1, 1, 1}},
                      /*is_screened=*/false,
                      &report});
  const auto runs = runs_of(*program, {64});
  const auto step = search.run(problems, runs);
  ASSERT_TRUE(step.has_value()) << step.error().message();
  EXPECT_EQ(report.n_tried, 5u);
  EXPECT_EQ(report.n_failed, 1u);
  EXPECT_EQ(report.n_wrong, 2u) << "far off, whether it says so or not";
  EXPECT_EQ(problems[0].kept[0], 1) << "a little off is right where the tunable says so";
  EXPECT_LT(step->us, step->default_us);
  expect_right(*program);  // which has its own plans back
}

TEST_F(TunerTest, InStepsATunableThatKilledIsSkippedAndAStopIsHeeded) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::setenv("FAKE_TUNABLE_KILLS", "1", 1);
    std::signal(SIGABRT, SIG_DFL);
    (void)tune_in_steps({64});
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it was to be killed";
  const auto report = tune_in_steps({64});
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->kernels.front().n_skipped, 1u);
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = tune_in_steps({64}, true, stop.get_token());
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
}

TEST_F(TunerTest, WhatChangesBitsIsTriedWhereResultsMayDepend) {
  const auto reports = tune(false);
  ASSERT_TRUE(reports.has_value()) << reports.error().message();
  EXPECT_EQ(reports->front().n_tried, 15u);
  EXPECT_EQ(reports->front().n_wrong, 4u) << "a little off is right where the tunable says so";
}

TEST_F(TunerTest, APluginMayProposeWhatToTry) {
  ::setenv("FAKE_TUNABLE_PROPOSES", "1", 1);
  auto reports = tune();
  ASSERT_TRUE(reports.has_value()) << reports.error().message();
  EXPECT_EQ(reports->front().n_tried, 2u);
  EXPECT_EQ(reports->front().n_wrong, 1u);
  EXPECT_EQ(reports->front().config, "speed=1 way=0 sum=0");
  ::setenv("FAKE_TUNABLE_PROPOSES", "outside", 1);
  reports = tune();
  ::unsetenv("FAKE_TUNABLE_PROPOSES");
  ASSERT_TRUE(reports.has_value()) << reports.error().message();
  EXPECT_EQ(reports->front().n_tried, 0u) << "what is none of its values is not tried";
}

TEST_F(TunerTest, PoisonedEntriesAreNotUsed) {
  const bp_kernel& kernel = *device_->kernels()[0];
  const std::string problem = "f32[1..64] f32[1..64] f32[1..64]";
  const std::vector<std::vector<TunedValue>> bad = {
      {{"speed", 7}, {"way", 0}, {"sum", 0}},
      {{"speed", 1}, {"way", 0}},
      {{"speed", 1}, {"way", 0}, {"other", 0}},
  };
  for (const auto& config : bad) {
    Tuning tuning(*device_, folder_.string(), true);
    const TuningEntry entry{tuning.key(kernel, problem), config, 1, 2};
    ASSERT_TRUE(tuning.cache().add({&entry, 1}).has_value());
    EXPECT_TRUE(Tuning(*device_, folder_.string(), true).config(kernel, problem).empty());
  }
  // One that plan refuses costs the tuning, not the program.
  Tuning tuning(*device_, folder_.string(), true);
  const TuningEntry refused{tuning.key(kernel, problem), {{"speed", 1}, {"way", 2}, {"sum", 1}}, 1, 2};
  ASSERT_TRUE(tuning.cache().add({&refused, 1}).has_value());
  EXPECT_EQ(tuning.config(kernel, problem), (std::vector<int64_t>{1, 2, 0})) << "deterministic: bits stay";
  EXPECT_NE(compile(&tuning), nullptr);
}

TEST_F(TunerTest, WhatKilledAProcessIsSkippedByTheNext) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::setenv("FAKE_TUNABLE_KILLS", "1", 1);
    std::signal(SIGABRT, SIG_DFL);
    (void)tune();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it was to be killed";
  const auto reports = tune();
  ASSERT_TRUE(reports.has_value()) << reports.error().message();
  EXPECT_EQ(reports->front().n_skipped, 1u);
  EXPECT_EQ(reports->front().n_tried, 6u);
}

}  // namespace
}  // namespace bp
