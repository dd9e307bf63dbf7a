#include "compile/program.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

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
