// Runs every case on the device under test, once for each kernel row that can take it, against the reference.
#include <gtest/gtest.h>

#include <algorithm>

#include "cases.h"
#include "runner.h"

namespace bp::conformance {
namespace {

std::string message(const Error& error) { return error.message(); }

// Whether the graph has the op that a match of the row starts from: most rows need not be tried on most cases.
bool may_take(const bp_kernel& kernel, const Graph& graph) {
  const auto pattern = Pattern::parse(kernel.pattern, kernel.id);
  if (!pattern.has_value()) return true;  // let the kernel table say so
  return std::ranges::any_of(graph.nodes, [&](const Node& node) { return node.op == pattern->root(); });
}

// Runs one compiled way of the problem over all sizes against the reference.
void compare(Problem& problem, const Graph& graph, Runner& device, Runner& reference, const std::string& row) {
  for (const Sizes& sizes : problem.runs) {
    std::string label = row;
    for (const auto& [name, size] : sizes) label += " " + name + "=" + std::to_string(size);
    const auto got = device.run(sizes);
    ASSERT_TRUE(got.has_value()) << label << ": " << message(got.error());
    const auto want = reference.run(sizes);
    ASSERT_TRUE(want.has_value()) << label << ": " << message(want.error());
    ASSERT_EQ(difference(problem, graph, *got, *want), "") << label;
  }
}

class Conformance : public testing::TestWithParam<Case> {};

TEST_P(Conformance, EveryRowThatTakesItAgreesWithTheReference) {
  Device* device = device_under_test();
  ASSERT_NE(device, nullptr);
  Problem problem(GetParam().name);
  GetParam().make(problem);
  const auto graph = problem.finish();
  ASSERT_TRUE(graph.has_value()) << message(graph.error());
  const auto reference = Runner::create(problem, *graph, nullptr, "");
  ASSERT_TRUE(reference.has_value()) << message(reference.error());

  const auto chosen = Runner::create(problem, *graph, device, "");
  ASSERT_TRUE(chosen.has_value()) << message(chosen.error());
  EXPECT_FALSE((*chosen)->kernels().contains("reference")) << "no kernel takes this case";
  compare(problem, *graph, **chosen, **reference, "default");
  for (const bp_kernel* kernel : device->kernels()) {
    if (HasFatalFailure() || (*chosen)->kernels().contains(kernel->id) || !may_take(*kernel, *graph)) continue;
    const auto forced = Runner::create(problem, *graph, device, kernel->id);
    ASSERT_TRUE(forced.has_value()) << message(forced.error());
    if ((*forced)->kernels().contains(kernel->id)) compare(problem, *graph, **forced, **reference, kernel->id);
  }
}

INSTANTIATE_TEST_SUITE_P(Device, Conformance, testing::ValuesIn(all_cases()),
                         [](const auto& entry) { return entry.param.name; });

TEST(ConformanceTable, EveryRowIsExercisedBySomeCase) {
  Device* device = device_under_test();
  ASSERT_NE(device, nullptr);
  std::set<std::string> missing;
  for (const bp_kernel* kernel : device->kernels()) missing.insert(kernel->id);
  for (const Case& entry : all_cases()) {
    Problem problem(entry.name);
    entry.make(problem);
    const auto graph = problem.finish();
    ASSERT_TRUE(graph.has_value()) << message(graph.error());
    const auto chosen = Runner::create(problem, *graph, device, "");
    ASSERT_TRUE(chosen.has_value()) << message(chosen.error());
    for (const std::string& id : (*chosen)->kernels()) missing.erase(id);
    for (const bp_kernel* kernel : device->kernels()) {
      const std::string id = kernel->id;
      if (!missing.contains(id) || !may_take(*kernel, *graph)) continue;
      const auto forced = Runner::create(problem, *graph, device, id);
      ASSERT_TRUE(forced.has_value()) << message(forced.error());
      if ((*forced)->kernels().contains(id)) missing.erase(id);
    }
  }
  for (const std::string& id : missing) ADD_FAILURE() << "no case exercises " << id;
}

}  // namespace

Cases all_cases() {
  Cases all;
  for (const auto& cases :
       {activation_cases(),   attention_cases(),   binary_cases(),  cast_cases(),     dequant_cases(),
        expert_cases(),       gather_rows_cases(), index_cases(),   kv_write_cases(), matmul_cases(),
        matmul_stack_cases(), norm_cases(),        ragged_cases(),  reduce_cases(),   rope_cases(),
        sample_cases(),       scalar_cases(),      segment_cases(), shape_cases(),    softmax_cases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

std::vector<Sizes> runs_over(const std::string& symbol) {
  std::vector<Sizes> runs;
  for (const int64_t size : kSizes) runs.push_back({{symbol, size}});
  return runs;
}

}  // namespace bp::conformance
