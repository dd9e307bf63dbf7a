#include "compile/program.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "../built_plugins.h"
#include "compile/run_observer.h"
#include "graph/builder.h"

namespace bp {
namespace {

Buffer host_buffer(uint64_t bytes) {
  auto buffer = Buffer::create(nullptr, bytes, "test");
  EXPECT_TRUE(buffer.has_value());
  return std::move(*buffer);
}

// y = x + x * 2 on the reference, for sizes up to 8.
TEST(Program, RunsAnySizeOfItsBucketOnTheReference) {
  GraphBuilder b("small");
  const Extent rows = Extent::dynamic(b.symbol("n", 0, 8));
  const ValueId x = b.input("x", DType::kF32, {rows, Extent::fixed(2)}, Role::kParam);
  b.output(b.add(x, b.scale(x, 2)), "y");
  auto graph = b.finish();
  ASSERT_TRUE(graph.has_value());
  const Buffer in = host_buffer(64);
  const Buffer out = host_buffer(64);
  const Bindings bindings = {{"x", {&in, 0, 64}}, {"y", {&out, 0, 64}}};
  WeightStore weights(nullptr, nullptr);
  Arena arena(nullptr);
  CompileInputs inputs;
  inputs.weights = &weights;
  inputs.arena = &arena;
  inputs.bindings = &bindings;
  const auto program = Program::compile(std::move(*graph), inputs);
  ASSERT_TRUE(program.has_value()) << program.error().message();
  for (const int64_t n : {0, 3, 8}) {
    auto* values = reinterpret_cast<float*>(in.host());
    for (int i = 0; i < 16; ++i) values[i] = static_cast<float>(i);
    std::memset(out.host(), 0, 64);
    ASSERT_TRUE((*program)->run(std::array<int64_t, 1>{n}, 1).has_value());
    const auto* results = reinterpret_cast<const float*>(out.host());
    for (int i = 0; i < 16; ++i) EXPECT_EQ(results[i], i < 2 * n ? 3.0f * static_cast<float>(i) : 0.0f);
  }
  EXPECT_EQ((*program)->memory().arena_bytes, (*program)->memory().arena_lower_bound_bytes);
}

// What it was told, in order; fails at one launch, if any.
struct Witness : RunObserver {
  std::vector<std::string> told;
  std::vector<int64_t> sizes;
  size_t fail_at = SIZE_MAX;

  Status begin_run(const Program& program, std::span<const int64_t> of_run, Queue* queue) override {
    EXPECT_EQ(queue, nullptr);
    told.push_back(program.graph().name);
    sizes.assign(of_run.begin(), of_run.end());
    return {};
  }
  Status begin_launch(size_t at) override {
    told.push_back("begin " + std::to_string(at));
    if (at == fail_at) return fail(ErrorCode::kFailed, "witness", "has seen enough");
    return {};
  }
  Status end_launch(size_t at) override {
    told.push_back("end " + std::to_string(at));
    return {};
  }
  Status end_run() override {
    told.push_back("done");
    return {};
  }
};

TEST(Program, AnObserverIsToldOfEveryLaunchButNotOfViews) {
  GraphBuilder b("watched");
  const Extent rows = Extent::dynamic(b.symbol("n", 0, 8));
  const ValueId x = b.input("x", DType::kF32, {rows, Extent::fixed(2)}, Role::kParam);
  const ValueId flat = b.reshape(b.silu(x), {rows, Extent::fixed(1), Extent::fixed(2)});
  b.output(b.silu(flat), "y");
  auto graph = b.finish();
  ASSERT_TRUE(graph.has_value()) << graph.error().message();
  const Buffer in = host_buffer(64);
  const Buffer out = host_buffer(64);
  const Bindings bindings = {{"x", {&in, 0, 64}}, {"y", {&out, 0, 64}}};
  std::memset(in.host(), 0, 64);
  WeightStore weights(nullptr, nullptr);
  Arena arena(nullptr);
  CompileInputs inputs;
  inputs.weights = &weights;
  inputs.arena = &arena;
  inputs.bindings = &bindings;
  const auto program = Program::compile(std::move(*graph), inputs);
  ASSERT_TRUE(program.has_value()) << program.error().message();
  ASSERT_EQ((*program)->steps().size(), 3u);
  EXPECT_EQ((*program)->steps()[1].kernel, "view");

  Witness witness;
  ASSERT_TRUE((*program)->run(std::array<int64_t, 1>{5}, 1, &witness).has_value());
  EXPECT_EQ(witness.told, (std::vector<std::string>{"watched", "begin 0", "end 0", "begin 2", "end 2", "done"}));
  EXPECT_EQ(witness.sizes, std::vector<int64_t>{5});

  const StepWork first = (*program)->work(0);
  ASSERT_EQ(first.operands.size(), 2u);
  EXPECT_EQ(first.operands[0].value, x);
  EXPECT_EQ(first.operands[0].memory.host(), in.host());
  EXPECT_EQ(first.nodes, std::vector<NodeId>{0});
  EXPECT_EQ(first.live_bytes, 64u) << "the activation between the two, at the largest size";

  Witness impatient;
  impatient.fail_at = 2;
  const Status failed = (*program)->run(std::array<int64_t, 1>{5}, 2, &impatient);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().where, "witness");
  EXPECT_EQ(impatient.told.back(), "begin 2");
}

TEST(Program, WhereAPlanSaysNoTheNextRowHasItsTurn) {
  const auto registry = built_plugins({.paths = {BP_BUILD_DIR "/tests/fakes/plan_refuses.so"}});
  auto device = registry->open("plan_refuses:0");
  ASSERT_TRUE(device.has_value()) << device.error().message();
  auto queue = (*device)->create_queue();
  ASSERT_TRUE(queue.has_value());
  GraphBuilder b("small");
  const ValueId x = b.input("x", DType::kF32, {Extent::fixed(2)}, Role::kParam);
  b.output(b.add(x, x), "y");
  auto graph = b.finish();
  ASSERT_TRUE(graph.has_value());
  auto buffer = Buffer::create(device->get(), 128, "x and y");
  ASSERT_TRUE(buffer.has_value());
  const Bindings bindings = {{"x", {&*buffer, 0, 64}}, {"y", {&*buffer, 64, 64}}};
  const KernelTable kernels = KernelTable::create((*device)->kernels(), {});
  WeightStore weights(device->get(), &*queue);
  Arena arena(device->get());
  CompileInputs inputs;
  inputs.device = device->get();
  inputs.queue = &*queue;
  inputs.kernels = &kernels;
  inputs.weights = &weights;
  inputs.arena = &arena;
  inputs.bindings = &bindings;
  const auto program = Program::compile(std::move(*graph), inputs);
  ASSERT_TRUE(program.has_value()) << program.error().message();
  ASSERT_EQ((*program)->steps().size(), 1u);
  EXPECT_EQ((*program)->steps()[0].kernel, "reference");
  ASSERT_EQ((*program)->steps()[0].refused.size(), 1u);
  EXPECT_NE((*program)->steps()[0].refused[0].text.find("the library has no algorithm"), std::string::npos);
}

TEST(WeightStore, WhatDidNotGetThereIsNotKnown) {
  const auto registry = built_plugins();
  auto device = registry->open("cpu:0");
  ASSERT_TRUE(device.has_value()) << device.error().message();
  auto queue = (*device)->create_queue();
  ASSERT_TRUE(queue.has_value());
  WeightStore weights(device->get(), &*queue);
  const std::array<float, 4> numbers = {1, 2, 3, 4};
  const HostTensor tensor{"w", DType::kF32, {2, 2}, std::as_bytes(std::span(numbers))};
  const std::array<WeightNeed, 2> needs = {WeightNeed{&tensor, ""}, {&tensor, "no such layout"}};
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(weights.load(needs).has_value()) << i;
  EXPECT_TRUE(weights.layouts_of(tensor).empty());
  ASSERT_TRUE(weights.load({needs.data(), 1}).has_value());
  EXPECT_EQ(weights.find(tensor, "").size_bytes, sizeof(numbers));
}

TEST(Program, AnInputWithoutMemoryIsAnError) {
  GraphBuilder b("small");
  const ValueId x = b.input("x", DType::kF32, {Extent::fixed(2)}, Role::kParam);
  b.output(b.silu(x), "y");
  auto graph = b.finish();
  ASSERT_TRUE(graph.has_value());
  WeightStore weights(nullptr, nullptr);
  Arena arena(nullptr);
  const Bindings none;
  CompileInputs inputs;
  inputs.weights = &weights;
  inputs.arena = &arena;
  inputs.bindings = &none;
  const auto program = Program::compile(std::move(*graph), inputs);
  ASSERT_FALSE(program.has_value());
  EXPECT_EQ(program.error().message(), "small: input x is bound to no memory");
}

}  // namespace
}  // namespace bp
