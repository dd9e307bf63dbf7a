// Static execution: a function traced once, compiled for sizes in buckets. Part of <backplane/backplane.h>.
#pragma once

#include <backplane/api/ops.h>
#include <backplane/api/session.h>
#include <backplane/api/tensor.h>

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace bp::api {

struct ProgramState;
struct ProgramProfile;

struct CompileOptions {
  // Where it runs. None: the session of the tensors that the function captures, else a new one on the best device.
  std::optional<Session> session = std::nullopt;
  // Of dynamic sizes that name no maximum of their own.
  int64_t max_size = 4096;
  // The largest size of each bucket, for every dynamic size; the maximum is always one. Empty: the powers of two.
  std::vector<int64_t> buckets = {};
  // The same for the dynamic sizes named here.
  std::map<std::string, std::vector<int64_t>> buckets_of = {};
  // All buckets run the same kernels, so that a row's bits do not depend on how many rows there are.
  bool deterministic = false;
  // false: the nodes as they were traced, without passes.
  bool optimize = true;
  // Buckets that are kept compiled; of more, the one unused for longest is dropped.
  int max_programs = 64;
  std::string name = "program";  // of print() and errors
};

// A compiled function. A bucket is compiled when sizes first fall into it, and kept.
class Program {
 public:
  explicit Program(std::shared_ptr<ProgramState> state) : state_(std::move(state)) {}

  // Inputs in the order of the specs, of any size within range; results in the function's order. Errors: kUsage for a
  // wrong count, shape, dtype or session, or a size out of range; nothing was run then.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs) const;
  // Of a function with one result.
  template <std::convertible_to<Tensor>... Ts>
  Tensor operator()(const Ts&... inputs) const {
    return only(run({inputs...}));
  }

  // Runs the traced nodes one by one on a session, with its debugging aids: compare_with, trap_nan.
  std::vector<Tensor> replay(const Session& session, const std::vector<Tensor>& inputs) const;

  // The traced graph: a line for each size, input, constant, node and output.
  std::string print() const;
  // The steps of the bucket that ran last, or of the largest: ops, kernel, device, dtype, shape, and why that kernel.
  std::string explain() const;
  struct Step {
    std::string op;      // "matmul+add+gelu": the ops covered
    std::string scope;   // "blk.0.attn"
    std::string kernel;  // row id, "reference" or "view"
    std::string device, dtype, shape, why;
  };
  std::vector<Step> steps() const;
  // Runs it once to warm up and so many times recorded, each launch timed. Errors: as run(); kUsage for no runs.
  ProgramProfile profile(const std::vector<Tensor>& inputs, int n_runs = 10) const;
  // The bucket of each dynamic size that is compiled so far, largest sizes in order of first appearance.
  std::vector<std::vector<int64_t>> compiled_buckets() const;

  Session session() const;

 private:
  static Tensor only(std::vector<Tensor> results);
  std::shared_ptr<ProgramState> state_;
};

// Where the time of a program's runs goes.
struct ProgramProfile {
  struct Row {
    Program::Step step;
    double mean_us = 0;  // of a run
    double share = 0;    // of the run's time
    double bytes = 0;    // read and written in a run
    double flops = 0;    // of a run
  };
  std::vector<Row> rows;  // of the steps that do work, in order
  double run_us = 0;      // of a run on average, without bringing inputs and results to their places
  int n_runs = 0;

  std::string text() const;  // a table, the slowest step first
};

using TracedFunction = std::function<std::vector<Tensor>(std::span<const Tensor>)>;
Program compile_function(const TracedFunction& function, const std::vector<TensorSpec>& specs,
                         const CompileOptions& options);

namespace detail {

inline std::vector<Tensor> results_of(Tensor result) { return {std::move(result)}; }
inline std::vector<Tensor> results_of(std::vector<Tensor> results) { return results; }

template <class F, size_t... I>
auto call(F& function, std::span<const Tensor> inputs, std::index_sequence<I...>) {
  return function(inputs[I]...);
}

template <size_t>
using EachTensor = const Tensor&;
template <class F, class Indices>
inline constexpr bool takes = false;
template <class F, size_t... I>
inline constexpr bool takes<F, std::index_sequence<I...>> = std::is_invocable_v<F&, EachTensor<I>...>;

// The number of tensors that the function takes; kMaxInputs + 1: none that is known.
inline constexpr size_t kMaxInputs = 16;
template <class F, size_t N = 0>
constexpr size_t n_inputs() {
  if constexpr (N > kMaxInputs) {
    return N;
  } else if constexpr (takes<F, std::make_index_sequence<N>>) {
    return N;
  } else {
    return n_inputs<F, N + 1>();
  }
}

[[noreturn]] void wrong_number_of_specs(size_t n_inputs, size_t n_specs);

}  // namespace detail

// Traces `function` once, with a tensor of each spec, and compiles it. The function takes up to 16 Tensors, or one
// std::span<const Tensor>, and returns a Tensor or several. Tensors it captures become constants. What it does besides
// calling ops happens while tracing, once. Errors: as those of the ops; kUsage where the number of specs is wrong.
template <class F>
Program compile(F function, const std::vector<TensorSpec>& specs, const CompileOptions& options = {}) {
  constexpr size_t n = detail::n_inputs<F>();
  if constexpr (n <= detail::kMaxInputs) {
    if (specs.size() != n) detail::wrong_number_of_specs(n, specs.size());
    return compile_function(
        [&](std::span<const Tensor> inputs) {
          return detail::results_of(detail::call(function, inputs, std::make_index_sequence<n>()));
        },
        specs, options);
  } else {
    static_assert(std::is_invocable_v<F&, std::span<const Tensor>>,
                  "the function takes neither up to 16 Tensors nor a std::span<const Tensor>");
    return compile_function([&](std::span<const Tensor> inputs) { return detail::results_of(function(inputs)); }, specs,
                            options);
  }
}

}  // namespace bp::api
