// A graph lowered for one device and one bucket of sizes: kernels planned and bound to memory, ready to launch. Runs
// the same list of launches every time; only sizes and the content of its inputs change. Where the device records
// launches (plugin.h, "graph/1"), stretches of the list become native graphs in the second run: those of kernels that
// are capture-safe and whose sizes lie in device memory (Symbol::len_value). These compute every row of the bucket:
// what inputs hold past the true sizes must not write to or read from anywhere (slot -1, sequences of length 0). Not
// thread-safe: compiled and run by one thread at a time. The device, the weights and every bound buffer outlive it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compile/buffer.h"
#include "compile/compiler_options.h"
#include "compile/partition.h"
#include "compile/region.h"
#include "compile/weight_store.h"
#include "graph/graph.h"

namespace bp {

class RunObserver;
class StrictCheck;
class Tuning;
struct KernelProblem;

// Memory of the graph's inputs and outputs, by value name.
using Bindings = std::map<std::string, BufferSpan, std::less<>>;

// The arena that programs of one engine share, since they never run at the same time.
class Arena {
 public:
  explicit Arena(const SlabSource& source) : source_(source) {}
  // At least this many bytes, of which `activation_bytes` would do without the scratch of kernels. Earlier answers stay
  // valid.
  Result<const Buffer*> reserve(uint64_t size_bytes, uint64_t activation_bytes = 0);
  uint64_t size_bytes() const;
  // The part of size_bytes() that scratch added.
  uint64_t scratch_bytes() const { return scratch_bytes_; }

 private:
  SlabSource source_;
  uint64_t scratch_bytes_ = 0;
  std::vector<std::unique_ptr<Buffer>> slabs_;
};

enum class CaptureMode : uint8_t { kOff, kAuto, kOn };

struct CompileInputs {
  Device* device = nullptr;              // null: everything runs on the reference
  Queue* queue = nullptr;                // null with the device
  const KernelTable* kernels = nullptr;  // null with the device
  WeightStore* weights = nullptr;
  Arena* arena = nullptr;
  const Bindings* bindings = nullptr;
  bool optimize = true;  // false: the nodes as they are, for trying kernels
  bool capture = false;  // make native graphs, if the device has them
  // Plans kernels and memory but allocates and binds nothing: such a program has steps() and memory(), and cannot run.
  // The weights and the arena have sources that rehearse as well.
  bool rehearse = false;
  bool strict = false;        // runs launch by launch, and checks each: strict_check.h
  uint8_t number = 0;         // tells the launches of programs that share a device apart, in tags
  CompilerOptions options{};  // of passes
  // Configurations of kernels, and the measured times that choose among them. Null: every kernel as its plugin has it.
  Tuning* tuning = nullptr;
};

// One line of `explain`.
struct StepInfo {
  std::string op;      // "matmul", "add+rms_norm": the ops covered
  std::string scope;   // "blk.0.attn"
  std::string kernel;  // row id, "reference" or "view"
  std::string plugin;  // "" for the reference
  std::string device;
  std::string dtype;  // of the operand that decides: the weight if there is one
  std::string shape;  // of the first result
  std::string why;
  std::optional<Cost> cost{};            // of a kernel: what it was chosen by
  std::vector<RefusedKernel> refused{};  // kernels that might have run one of the ops, and why they do not
  std::vector<std::string> layouts{};    // in which weights were packed for it, each once
  std::string config{};                  // that tuning has found, "group_splits=4"; empty: the defaults
  std::vector<size_t> reads{};           // steps whose results it reads, views not seen through
};

// What a step computes and touches, for profiles.
struct StepWork {
  struct Operand {
    ValueId value = kNone;  // a result where one of `nodes` makes it
    BufferSpan memory;      // at the largest sizes of the bucket; of a weight, in the layout that the kernel reads
  };
  std::vector<NodeId> nodes;      // of graph()
  std::vector<Operand> operands;  // what it reads and writes in memory, without what a fused kernel keeps to itself
  uint64_t live_bytes = 0;        // of the arena while it runs: activations and scratch
};

struct ProgramMemory {
  uint64_t arena_bytes = 0;
  uint64_t arena_lower_bound_bytes = 0;
  uint64_t naive_bytes = 0;       // of all activations and scratch side by side
  uint64_t activation_bytes = 0;  // of the arena, were there no scratch
  uint64_t workspace_bytes = 0;   // that lives with the program
  uint64_t internal_bytes = 0;    // what libraries below kernels keep, as plans declare
  uint64_t graph_bytes = 0;       // what native graphs keep, once they are made
};

class Program {
 public:
  // Runs the passes (optimize.h) and lowers what they give. Errors: kDevice, kOutOfMemory, kUnsupported (an op that
  // nobody can run).
  static Result<std::unique_ptr<Program>> compile(const Graph& graph, const CompileInputs& inputs);
  ~Program();

  // Enqueues one run, and returns once what needs the host is done (a device of kind inline has then run all of it).
  // `sizes`: by symbol of the graph; derived ones are computed here. Errors name the node.
  // An `observer` is told of each launch, and makes the run one plain list of them.
  Status run(std::span<const int64_t> sizes, uint64_t step, RunObserver* observer = nullptr);

  const Graph& graph() const { return graph_; }
  std::span<const StepInfo> steps() const { return infos_; }
  // REQUIRES: at < steps().size().
  StepWork work(size_t at) const;
  // Kernels of the device that were not in question, and why.
  std::span<const RejectedRow> left_out() const { return left_out_; }
  // Null for what is no kernel of the device. REQUIRES: at < steps().size().
  const bp_kernel* kernel_at(size_t at) const;
  ProgramMemory memory() const { return memory_; }
  int n_launches() const { return n_launches_; }
  // Whether runs may compute all rows of the bucket: what they read must be harmless past the true sizes.
  bool captures() const { return captures_; }
  int n_graphs() const;
  // The node of the launch that has this tag; "" where it is not of this program, or of a graph.
  std::string launch_name(uint64_t tag) const;
  // After a fault in or after run() whose launch is not known: adds which it was, if that can be found out, or how to
  // find it. Where the device is not lost, the launches that were graphs, or all after a fault of the queue, run one by
  // one on a queue that waits after each.
  Error explain_fault(Error error);
  // Ops that run on the reference although there is a device, each once.
  std::vector<std::string> fallback_ops() const;

 private:
  friend class ProgramBuilder;
  friend class KernelTrial;
  friend class StepTrial;
  friend class StrictCheck;
  friend std::vector<KernelProblem> kernel_problems(const Program& program);
  struct Step;
  // A part of the list: a native graph, or launched one by one.
  struct Segment;
  Program();
  // The steps that do something, in order: what a run goes through without looking anything up.
  void make_list(bool capture);
  // sizes_ of this run, derived ones included.
  void resolve_sizes(std::span<const int64_t> sizes);
  // `observer` may be null.
  Status run_watched(uint64_t step_number, RunObserver* observer);
  uint64_t tag_of(uint64_t step_number, uint32_t at) const;
  Status run_segment(Segment& segment, uint64_t step_number);
  Status run_step(uint32_t at, uint64_t step_number);
  Status record(Segment& segment, uint64_t step_number);
  void record_all(uint64_t step_number);
  void stop_capturing(const Error& why);
  bool has_length(SymbolId id) const;
  Status launch(Step& step, uint64_t tag);
  Status run_on_reference(Step& step);

  Graph graph_;
  Device* device_ = nullptr;
  Queue* queue_ = nullptr;
  std::vector<Step> steps_;
  std::vector<uint32_t> list_;     // steps_ but views
  std::vector<Segment> segments_;  // of list_, all of it; graphs go before what they launch
  bool captures_ = false;          // a segment can become a graph
  bool is_recorded_ = false;       // it was tried
  uint64_t n_runs_ = 0;
  std::vector<StepInfo> infos_;
  std::vector<RejectedRow> left_out_;
  std::vector<std::unique_ptr<Buffer>> kept_;  // workspaces that live with the program
  std::vector<int64_t> sizes_;                 // by symbol, of the current run
  ProgramMemory memory_;
  int n_launches_ = 0;
  uint8_t number_ = 0;
  std::unique_ptr<StrictCheck> strict_;  // null: runs are not checked
};

}  // namespace bp
