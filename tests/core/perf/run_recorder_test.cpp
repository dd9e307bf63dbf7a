#include "perf/run_recorder.h"

#include <gtest/gtest.h>

#include <array>

#include "../built_plugins.h"
#include "graph/builder.h"
#include "perf/profile.h"
#include "perf/profile_output.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

// silu three times, on a device of tests/fakes or on the reference.
class RunRecorderTest : public testing::Test {
 protected:
  static constexpr uint64_t kBytes = 64;

  void open(const std::string& fake) {
    if (!fake.empty()) {
      registry_ = built_plugins({.paths = {BP_BUILD_DIR "/tests/fakes/" + fake + ".so"}});
      auto device = registry_->open(fake + ":0");
      ASSERT_TRUE(device.has_value()) << device.error().message();
      device_ = std::move(*device);
      queue_ = device_->create_queue().value();
      kernels_ = KernelTable::create(device_->kernels(), {});
    }
    GraphBuilder b("three");
    b.push_scope("blk.0");
    const Extent rows = Extent::dynamic(b.symbol("n", 0, 16));
    const ValueId x = b.input("x", DType::kF32, {rows}, Role::kParam);
    const ValueId one = b.silu(x);
    b.pop_scope();
    b.push_scope("blk.1");
    const ValueId two = b.silu(one);
    b.pop_scope();
    b.output(b.silu(two), "y");
    auto graph = b.finish();
    ASSERT_TRUE(graph.has_value());
    for (std::optional<Buffer>* buffer : {&x_, &y_}) *buffer = Buffer::create(device_.get(), kBytes, "test").value();
    std::fill_n(reinterpret_cast<float*>(x_->host()), 16, 1.0f);
    bindings_ = {{"x", {&*x_, 0, kBytes}}, {"y", {&*y_, 0, kBytes}}};
    weights_.emplace(device_.get(), device_ ? &queue_ : nullptr);
    arena_.emplace(device_.get());
    CompileInputs inputs;
    inputs.device = device_.get();
    inputs.queue = device_ ? &queue_ : nullptr;
    inputs.kernels = kernels_ ? &*kernels_ : nullptr;
    inputs.weights = &*weights_;
    inputs.arena = &*arena_;
    inputs.bindings = &bindings_;
    auto program = Program::compile(*graph, inputs);
    ASSERT_TRUE(program.has_value()) << program.error().message();
    program_ = std::move(*program);
  }

  void run(RunRecorder& recorder, int64_t n = 16) {
    const Status done = program_->run(std::array<int64_t, 1>{n}, 1, &recorder);
    ASSERT_TRUE(done.has_value()) << done.error().message();
  }

  std::unique_ptr<PluginRegistry> registry_;
  std::unique_ptr<Device> device_;
  Queue queue_;
  std::optional<KernelTable> kernels_;
  std::optional<Buffer> x_, y_;
  Bindings bindings_;
  std::optional<WeightStore> weights_;
  std::optional<Arena> arena_;
  std::unique_ptr<Program> program_;
};

// A clock that goes on by 1 us where the host works, and by 98 us where a launch does: each second reading after the
// first, which is the begin of the run.
class SteppedClock {
 public:
  double operator()() {
    const double now = now_;
    in_launch_ = n_reads_++ > 0 && !in_launch_;
    now_ += in_launch_ ? 98 : 1;
    return now;
  }

 private:
  double now_ = 1000;
  int n_reads_ = 0;
  bool in_launch_ = false;
};

TEST_F(RunRecorderTest, TheHostsClockTimesLaunchesThatWorkBeforeTheyReturn) {
  open("");
  RunRecorder recorder(nullptr, SteppedClock());
  EXPECT_EQ(recorder.clock(), LaunchClock::kHost);
  run(recorder);
  const auto runs = recorder.take_runs();
  ASSERT_EQ(runs.size(), 1u);
  ASSERT_EQ(runs[0].launches.size(), 3u);
  EXPECT_DOUBLE_EQ(runs[0].start_us, 1000);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(runs[0].launches[i].at, i);
    EXPECT_DOUBLE_EQ(runs[0].launches[i].duration_us, 98);
    EXPECT_DOUBLE_EQ(runs[0].launches[i].start_us, 1001 + 99.0 * static_cast<double>(i));
  }
  EXPECT_DOUBLE_EQ(runs[0].end_us, 1298);
  EXPECT_TRUE(recorder.take_runs().empty());
}

TEST_F(RunRecorderTest, LaunchesAndTheHostAddUpToTheStep) {
  open("");
  RunRecorder recorder(nullptr, SteppedClock());
  std::vector<StepRecord> steps;
  for (int i = 0; i < 4; ++i) {
    run(recorder);
    StepRecord& step = steps.emplace_back();
    step.runs = recorder.take_runs();
    step.start_us = step.runs[0].start_us;
    step.end_us = step.runs[0].end_us;
    step.n_tokens = 16;
    step.kv_bytes = static_cast<uint64_t>(100 * i);
  }
  Profile profile;
  profile.limits.read_bytes_per_s = 2e6;
  summarise(steps, std::array<std::string, 1>{"decode"}, profile);
  ASSERT_EQ(profile.phases.size(), 1u);
  const ProfilePhase& phase = profile.phases[0];
  EXPECT_EQ(phase.n_steps, 4);
  EXPECT_EQ(phase.n_tokens, 64);
  EXPECT_NEAR(phase.launch_us, phase.step_us, 0.02 * phase.step_us);
  EXPECT_DOUBLE_EQ(phase.launch_us + phase.host_us(), phase.step_us);
  EXPECT_DOUBLE_EQ(phase.launch_us, 4 * 3 * 98.0);
  double in_ops = 0, in_layers = 0, in_steps = 0;
  for (const ProfileOp& op : phase.ops) in_ops += op.times.total();
  for (const ProfileRow& row : phase.by_layer) in_layers += row.times.total();
  for (const ProfileStep& step : profile.steps) {
    for (const ProfileLaunch& launch : step.runs.at(0).launches) in_steps += launch.duration_us;
  }
  EXPECT_DOUBLE_EQ(in_ops, phase.launch_us);
  EXPECT_DOUBLE_EQ(in_layers, phase.launch_us);
  EXPECT_DOUBLE_EQ(in_steps, phase.launch_us);

  ASSERT_EQ(phase.ops.size(), 3u);
  EXPECT_EQ(phase.ops[0].times.count(), 4);
  EXPECT_EQ(phase.ops[0].kernel, "reference");
  EXPECT_DOUBLE_EQ(phase.ops[0].bytes, 4 * 2 * 64.0);
  EXPECT_DOUBLE_EQ(phase.ops[0].roofline_share(), 64 / 98.0) << "128 bytes at 2 MB/s take 64 us";
  ASSERT_EQ(phase.by_op.size(), 1u);
  EXPECT_EQ(phase.by_op[0].name, "silu");
  EXPECT_EQ(phase.by_op[0].times.count(), 12);
  std::vector<std::string> layers;
  for (const ProfileRow& row : phase.by_layer) layers.push_back(row.name);
  std::ranges::sort(layers);
  EXPECT_EQ(layers, (std::vector<std::string>{"blk.0", "blk.1", "silu"}));
  EXPECT_EQ(phase.by_part.size(), 1u) << "the same place of each layer, and none";
  EXPECT_EQ(profile.memory.kv_peak_bytes, 300u);
  EXPECT_GT(profile.memory.arena_peak_bytes, 0u);
  EXPECT_LE(profile.memory.arena_peak_bytes, profile.memory.arena_bytes);
}

TEST(LaunchTimes, OfNoneOneAndMany) {
  EXPECT_DOUBLE_EQ(LaunchTimes{}.mean(), 0);
  EXPECT_DOUBLE_EQ(LaunchTimes{}.p50(), 0);
  EXPECT_DOUBLE_EQ(LaunchTimes{}.max(), 0);
  const LaunchTimes odd{{1, 2, 9}}, even{{1, 2, 4, 9}};
  EXPECT_DOUBLE_EQ(odd.p50(), 2);
  EXPECT_DOUBLE_EQ(odd.mean(), 4);
  EXPECT_DOUBLE_EQ(even.p50(), 3);
  EXPECT_DOUBLE_EQ(even.max(), 9);
}

// A launch of the fake takes 100 us of its own clock, and each event 1.
TEST_F(RunRecorderTest, PairsOfEventsTimeLaunchesOnADeviceThatHasThem) {
  open("timed");
  RunRecorder recorder(device_.get(), [] { return 5000.0; });
  EXPECT_EQ(recorder.clock(), LaunchClock::kEvents);
  for (int i = 0; i < 2; ++i) {
    run(recorder);
    const auto runs = recorder.take_runs();
    ASSERT_EQ(runs.size(), 1u);
    ASSERT_EQ(runs[0].launches.size(), 3u);
    for (size_t at = 0; at < 3; ++at) {
      EXPECT_DOUBLE_EQ(runs[0].launches[at].duration_us, 101);
      EXPECT_DOUBLE_EQ(runs[0].launches[at].start_us, 5000 + 1 + 102.0 * static_cast<double>(at));
    }
  }
  EXPECT_EQ(program_->steps()[0].kernel, "timed.silu");
}

TEST_F(RunRecorderTest, WithoutEventsTheQueueIsDrainedAroundEachLaunch) {
  open("queued");
  RunRecorder recorder(device_.get(), SteppedClock());
  EXPECT_EQ(recorder.clock(), LaunchClock::kDrained);
  run(recorder);
  const auto runs = recorder.take_runs();
  ASSERT_EQ(runs[0].launches.size(), 3u);
  for (const LaunchRecord& launch : runs[0].launches) EXPECT_DOUBLE_EQ(launch.duration_us, 98);
  // A launch of this fake does nothing until its queue is waited for.
  EXPECT_FLOAT_EQ(reinterpret_cast<const float*>(y_->host())[15], 4.0f);
}

}  // namespace
}  // namespace bp
