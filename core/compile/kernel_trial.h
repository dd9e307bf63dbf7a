// One kernel, tried by itself on a problem as a program has it: inputs are made (random numbers), weights are the
// program's own, results go to memory of their own. Not thread-safe; the program, its device and its queue outlive it.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compile/buffer.h"
#include "compile/program.h"
#include "compile/region.h"
#include "plugin_host/plan.h"

namespace bp {

// The kernels of a program: each distinct problem of each once, and the steps that have it.
struct KernelProblem {
  std::string kernel, problem;
  std::vector<size_t> places;
};
std::vector<KernelProblem> kernel_problems(const Program& program);

// Workspace of this kind, zeroed, in a buffer of its own that `buffers` keeps. Errors: kUnsupported where several
// devices were to share it.
Result<bp_span> make_workspace(const bp_ws_need& need, Device& device, Queue& queue,
                               std::vector<std::unique_ptr<Buffer>>& buffers);

// Sizes within a bucket: the largest, half of them, and the smallest above 1.
enum class TrialSize { kLargest, kHalf, kFew };

class KernelTrial {
 public:
  // A configuration, ready to run at each place. Bounds go before their plan.
  struct Ready {
    std::vector<std::unique_ptr<Buffer>> workspaces;
    Plan plan;
    std::vector<Bound> bounds;
  };

  // `places`: steps of the program that run this kernel on the same problem, one after another when it is timed: so
  // that weights come from memory, as in a run. Errors: kUnsupported where the kernel takes or writes what only a run
  // of the model can make: KV pages, tables, indices.
  static Result<std::unique_ptr<KernelTrial>> create(const Program& program, std::vector<size_t> places);

  const bp_kernel& kernel() const { return *kernel_; }
  const bp_region& region() const { return region_->view(); }
  Device& device() const;
  const std::string& problem() const { return problem_; }
  size_t n_places() const { return places_.size(); }
  // Of one launch at the bucket's largest sizes.
  double bytes() const { return bytes_; }
  double flops() const { return flops_; }  // of matrix products; 0: none

  // `config`: a value for each tunable, or empty.
  Result<Ready> prepare(std::span<const int64_t> config) const;
  // Microseconds of one launch: the mean over `n_launches`, place after place. By the device's events where it has
  // them, else by the host's clock.
  Result<double> time_us(Ready& ready, size_t n_launches, TrialSize size = TrialSize::kLargest) const;
  // Whether half the bucket is another size than the largest.
  bool has_half() const { return launch_sizes(TrialSize::kHalf) != launch_sizes(TrialSize::kLargest); }
  // What one launch at the first place gives: all results, one behind the other.
  Result<std::vector<std::byte>> results(Ready& ready, TrialSize size = TrialSize::kLargest) const;
  // The same of the reference, in few rows. Errors: kUnsupported where it cannot.
  Result<std::vector<std::byte>> reference_results() const;
  // The largest difference, as a share of the largest magnitude of `want`; infinite where NaN meets a number, or sizes
  // differ. Results of other types than f32, f16 and bf16: 0 or infinite.
  double difference(std::span<const std::byte> got, std::span<const std::byte> want) const;
  // What that may be where arithmetic differs: by the coarsest type among the operands.
  double tolerance() const;

 private:
  KernelTrial() = default;
  Status make_operands();
  Status fill(const Buffer& buffer, const Value& value, std::vector<std::byte>& host);
  SymbolId length_of(ValueId id) const;  // kNone: it is no length
  Status write_lengths(TrialSize size) const;
  std::vector<int64_t> sizes(TrialSize size) const;
  std::vector<int64_t> launch_sizes(TrialSize size) const;  // of the kernel's symbols
  Status launch(Bound& bound, TrialSize size) const;
  void estimate();

  const Program* program_ = nullptr;
  std::vector<size_t> places_;
  const bp_kernel* kernel_ = nullptr;
  std::unique_ptr<Region> region_;
  std::string problem_;
  std::vector<ValueId> results_;                        // values that it makes, in order of the slots
  std::map<ValueId, std::unique_ptr<Buffer>> buffers_;  // of made inputs and of results
  std::map<ValueId, std::vector<std::byte>> inputs_;    // what is in them
  std::map<ValueId, SymbolId> lengths_;                 // made inputs that hold a true size
  double bytes_ = 0;
  double flops_ = 0;
};

}  // namespace bp
