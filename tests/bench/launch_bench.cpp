// What a launch costs on its way through the border: the fake plugin "good", whose kernel has nothing to do, called
// by its own function pointer and through the host's guard.
//   launch_bench [launches, 20000000]
// The best of several runs each.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "plugin_host/device.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

constexpr int kRuns = 9;

template <class F>
double best_ns(long n, F&& launch) {
  double best = 1e9;
  for (int run = 0; run < kRuns; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    for (long i = 0; i < n; ++i) launch();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count() / static_cast<double>(n));
  }
  return best;
}

int bench(long n) {
  const auto registry = PluginRegistry::discover({.paths = {GOOD_PLUGIN},
                                                  .use_environment = false,
                                                  .use_default_dirs = false,
                                                  .probe = ProbeMode::kOff,
                                                  .stage = false});
  auto opened = registry->open("good:0");
  if (!opened.has_value()) {
    std::fprintf(stderr, "%s\n", opened.error().message().c_str());
    return 1;
  }
  Device& device = **opened;
  Queue queue = device.create_queue().value();
  const Memory memory = device.alloc(1024, "operands").value();
  Plan plan = device.plan(*device.kernels()[0], bp_region{}).value();
  const std::array<bp_span, 2> args = {memory.span(0, 64), memory.span(64, 64)};
  const bp_span ws = memory.span(256, 256);
  Bound bound = plan.bind(args, {&ws, 1}).value();
  const int64_t no_rows = 0;
  const bp_launch launch{sizeof(bp_launch), 1, queue.handle(), &no_rows, 1};
  bp_status status = BP_OK;
  const double bare = best_ns(n, [&] {
    bp_err err;
    clear_err(err);
    status |= device.api().launch(bound.handle(), &launch, &err);
  });
  bool failed = false;
  const double guarded = best_ns(n, [&] { failed |= !bound.launch(queue, {&no_rows, 1}, 1).has_value(); });
  if (status != BP_OK || failed) return 1;
  std::printf("launch of nothing: %.1f ns by the function pointer, %.1f ns through the host's guard\n", bare, guarded);
  return 0;
}

}  // namespace
}  // namespace bp

int main(int argc, char** argv) { return bp::bench(argc > 1 ? std::atol(argv[1]) : 20'000'000); }
