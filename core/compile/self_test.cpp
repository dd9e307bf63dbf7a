#include "compile/self_test.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "compile/buffer.h"
#include "compile/kernel_table.h"
#include "compile/program.h"
#include "compile/weight_store.h"
#include "graph/builder.h"
#include "plugin_host/queue.h"

namespace bp {
namespace {

constexpr int64_t kRows = 8, kSize = 32;
constexpr uint64_t kTimeoutNs = 10'000'000'000;
// All values stay below 2^8: exact even where they are kept in bfloat16.
constexpr float kTolerance = 0.25f;

float x_at(int64_t row, int64_t k) { return static_cast<float>((row * 3 + k) % 5 - 2); }
float w_at(int64_t column, int64_t k) { return static_cast<float>((column + k * 2) % 3 - 1); }

std::vector<float> fill(int64_t n_rows, float (*at)(int64_t, int64_t)) {
  std::vector<float> values;
  for (int64_t row = 0; row < n_rows; ++row) {
    for (int64_t k = 0; k < kSize; ++k) values.push_back(at(row, k));
  }
  return values;
}

// y = (x w^T) * x
Result<Graph> make_graph(const std::vector<float>& weight) {
  GraphBuilder b("self_test");
  const ValueId x = b.input("x", DType::kF32, {Extent::fixed(kRows), Extent::fixed(kSize)}, Role::kParam);
  const ValueId w = b.weight({"w", DType::kF32, {kSize, kSize}, std::as_bytes(std::span(weight))});
  b.output(b.mul(b.matmul(x, w), x), "y");
  return b.finish();
}

Status compare(const std::vector<float>& y) {
  for (int64_t row = 0; row < kRows; ++row) {
    for (int64_t column = 0; column < kSize; ++column) {
      float want = 0;
      for (int64_t k = 0; k < kSize; ++k) want += x_at(row, k) * w_at(column, k);
      want *= x_at(row, column);
      const float got = y[static_cast<size_t>(row * kSize + column)];
      if (std::fabs(got - want) <= kTolerance) continue;  // NaN is not
      return fail(ErrorCode::kDevice, "self-test",
                  fmt::format("matmul and mul give {} at [{}, {}], {} is right", got, row, column, want));
    }
  }
  return {};
}

}  // namespace

Status self_test(Device& device) {
  const std::vector<float> weight = fill(kSize, w_at);
  const std::vector<float> input = fill(kRows, x_at);
  std::vector<float> output(input.size(), std::nanf(""));
  BP_TRY(const Graph graph, make_graph(weight));
  BP_TRY(Queue queue, device.create_queue());
  const KernelTable kernels = KernelTable::create(device.kernels(), {});
  const uint64_t bytes = input.size() * sizeof(float);
  BP_TRY(const Buffer x, Buffer::create(&device, bytes, "self-test"));
  BP_TRY(const Buffer y, Buffer::create(&device, bytes, "self-test"));
  const Bindings bindings = {{"x", {&x, 0, bytes}}, {"y", {&y, 0, bytes}}};
  WeightStore weights(&device, &queue);
  Arena arena(&device);
  CompileInputs inputs;
  inputs.device = &device;
  inputs.queue = &queue;
  inputs.kernels = &kernels;
  inputs.weights = &weights;
  inputs.arena = &arena;
  inputs.bindings = &bindings;
  BP_TRY(const auto program, Program::compile(graph, inputs));
  BP_TRY_VOID(queue.write(x.span(0, bytes), std::as_bytes(std::span(input))));
  // Over what an earlier run may have left there.
  BP_TRY_VOID(queue.write(y.span(0, bytes), std::as_bytes(std::span(output))));
  BP_TRY_VOID(program->run({}, 1));
  BP_TRY_VOID(queue.sync(device.inline_launch() ? kNoTimeout : kTimeoutNs));
  BP_TRY_VOID(queue.read(y.span(0, bytes), std::as_writable_bytes(std::span(output))));
  return compare(output);
}

}  // namespace bp
