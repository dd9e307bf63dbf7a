#include "perf/launch_work.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string_view>

#include "graph/extent.h"
#include "graph/opset.h"

namespace bp {
namespace {

bool is_product(std::string_view op) {
  return op == "matmul" || op == "matmul_batched" || op == "matmul_indexed" || op == "matmul_grouped";
}

// Operands by the positions that docs/opset.md gives them.
struct SequenceOperands {
  size_t starts;   // i32 [S+1]: first rows
  size_t lengths;  // i32: [S] lengths, or [S+1] first keys
};
constexpr SequenceOperands kPaged = {4, 5}, kRagged = {3, 4};
constexpr size_t kChoice = 2;  // of stacks: idx, or offsets

bool moves_only(const OpDef& op) {
  constexpr std::array<std::string_view, 15> kMoves = {
      "reshape", "gather_rows", "gather_last", "scatter_rows", "scatter_last", "kv_write", "kv_gather", "concat",
      "slice",   "transpose",   "expert_sort", "broadcast",    "iota",         "cast",     "dequant"};
  return op.view || std::ranges::find(kMoves, op.name) != kMoves.end();
}

// The keys of one sequence: `length` of them, and `n_rows` rows that stand at the last positions.
struct Sight {
  int64_t read = 0;  // distinct keys that some row sees
  double pairs = 0;  // of a row and a key it sees
};

Sight sight_of(int64_t length, int64_t n_rows, int64_t window, bool causal) {
  Sight sight;
  if (length <= 0 || n_rows <= 0) return sight;
  const int64_t first_row = length - n_rows;
  for (int64_t position = first_row; position < length; ++position) {
    const int64_t end = causal ? position + 1 : length;
    const int64_t begin = window > 0 ? std::max<int64_t>(0, position - window + 1) : 0;
    sight.pairs += static_cast<double>(std::max<int64_t>(0, end - begin));
  }
  sight.read = length - (window > 0 ? std::clamp<int64_t>(first_row - window + 1, 0, length) : 0);
  return sight;
}

class Counter {
 public:
  Counter(const Graph& graph, const StepWork& step, std::span<const int64_t> sizes, const IntOperands& contents)
      : graph_(graph), step_(step), sizes_(sizes), contents_(contents), inside_(step.nodes.begin(), step.nodes.end()) {}

  LaunchWork count() {
    for (const NodeId id : step_.nodes) count_node(graph_.node(id));
    std::set<ValueId> seen;
    for (const StepWork::Operand& operand : step_.operands) {
      if (!seen.insert(operand.value).second) continue;
      const bool made = inside(graph_.value(operand.value).producer);
      (made ? work_.write_bytes : work_.read_bytes) += bytes_of(operand);
    }
    return work_;
  }

 private:
  bool inside(NodeId id) const { return id != kNone && inside_.contains(id); }
  double n_elements(ValueId id) const { return static_cast<double>(elements_at(graph_.value(id), sizes_)); }

  void count_node(const Node& node) {
    const std::string_view op = node.op->name;
    if (is_product(op)) {
      count_product(node);
    } else if (op == "attention" || op == "attention_ragged") {
      count_attention(node, op == "attention" ? kPaged : kRagged);
    } else if (op == "gather_rows") {
      touched_[node.in[0]] = rows_bytes(node.in[0], n_elements(node.in[1]));
    } else if (op == "kv_write") {
      count_kv_write(node);
    } else if (op == "kv_gather") {
      const double n_rows = static_cast<double>(size_of(graph_.value(node.out[0]).dims[0], sizes_));
      touched_[node.in[0]] = n_rows * token_bytes(node.in[0]);
      if (node.in.size() > 3 && node.in[3] != kNone) touched_[node.in[3]] = n_rows * token_bytes(node.in[3]);
    }
    if (!is_product(op) && !op.starts_with("attention") && !moves_only(*node.op)) count_elements(node);
  }

  void count_elements(const Node& node) {
    double most = 0;
    for (const ValueId id : node.in) {
      if (id != kNone) most = std::max(most, n_elements(id));
    }
    for (const ValueId id : node.out) most = std::max(most, n_elements(id));
    work_.flops += most;
  }

  void count_product(const Node& node) {
    const Value& x = graph_.value(node.in[0]);
    work_.flops += 2 * n_elements(node.out[0]) * static_cast<double>(size_of(x.dims.back(), sizes_));
    const ValueId matrix = first_leaf(node.in[1]);
    work_.dtype = graph_.value(storage_root(graph_, matrix)).dtype;
    if (node.op->name == "matmul" || node.op->name == "matmul_batched") return;
    const double share = met_share(node);
    scale_leaves(node.in[1], share);
  }

  // Of a stack's matrices, the part that some row meets.
  double met_share(const Node& node) const {
    const auto n_matrices = static_cast<double>(size_of(graph_.value(node.in[1]).dims[0], sizes_));
    if (n_matrices <= 0) return 0;
    const auto found = contents_.find(node.in[kChoice]);
    if (found == contents_.end()) {
      const std::vector<Extent>& chosen = graph_.value(node.in[kChoice]).dims;
      if (node.op->name == "matmul_grouped") return 1;
      const double each = chosen.size() > 1 ? static_cast<double>(size_of(chosen[1], sizes_)) : 1;
      const auto n_tokens = static_cast<double>(size_of(chosen[0], sizes_));
      return 1 - std::pow(1 - std::min(1.0, each / n_matrices), n_tokens);
    }
    int64_t n_met = 0;
    if (node.op->name == "matmul_grouped") {
      for (size_t i = 0; i + 1 < found->second.size(); ++i) n_met += found->second[i + 1] > found->second[i] ? 1 : 0;
    } else {
      std::set<int32_t> met;
      for (const int32_t index : found->second) {
        if (index >= 0 && static_cast<double>(index) < n_matrices) met.insert(index);
      }
      n_met = static_cast<int64_t>(met.size());
    }
    return static_cast<double>(n_met) / n_matrices;
  }

  // A matrix may come through nodes of the same kernel: (reshape (dequant w scales)).
  ValueId first_leaf(ValueId id) const {
    while (inside(graph_.value(id).producer)) id = graph_.node(graph_.value(id).producer).in[0];
    return id;
  }

  void scale_leaves(ValueId id, double share) {
    if (id == kNone) return;
    const NodeId producer = graph_.value(id).producer;
    if (!inside(producer)) {
      share_[id] = share;
      return;
    }
    for (const ValueId operand : graph_.node(producer).in) scale_leaves(operand, share);
  }

  void count_attention(const Node& node, const SequenceOperands& at) {
    const Value &q = graph_.value(node.in[0]), &y = graph_.value(node.out[0]);
    const auto width =
        static_cast<double>(size_of(q.dims[1], sizes_) * (size_of(q.dims[2], sizes_) + size_of(y.dims[2], sizes_)));
    const bool paged = at.lengths == kPaged.lengths;
    const auto starts = contents_.find(node.in[at.starts]);
    const auto lengths = contents_.find(node.in[at.lengths]);
    double n_read = 0, n_pairs = 0;
    int64_t n_pages = 0;
    if (starts != contents_.end() && lengths != contents_.end()) {
      const std::vector<int32_t>&first = starts->second, &known = lengths->second;
      const int64_t page = paged ? std::max<int64_t>(1, size_of(graph_.value(node.in[1]).dims[2], sizes_)) : 1;
      for (size_t s = 0; s + 1 < first.size() && s + (paged ? 0 : 1) < known.size(); ++s) {
        const int64_t length = paged ? known[s] : int64_t{known[s + 1]} - known[s];
        const Sight sight =
            sight_of(length, int64_t{first[s + 1]} - first[s], node.attr_int("window"), node.attr_int("causal") != 0);
        n_read += static_cast<double>(sight.read);
        n_pages += (length + page - 1) / page;
        n_pairs += sight.pairs;
      }
    }
    work_.flops += 2 * width * n_pairs;
    if (!paged) return;
    for (const size_t cache : {size_t{1}, size_t{2}, size_t{9}, size_t{10}}) {
      if (cache < node.in.size() && node.in[cache] != kNone)
        touched_[node.in[cache]] = n_read * token_bytes(node.in[cache]);
    }
    touched_[node.in[3]] = static_cast<double>(n_pages) * sizeof(int32_t);
  }

  // The cache is not read, and only the new tokens of it are written.
  void count_kv_write(const Node& node) {
    const auto n_tokens = static_cast<double>(size_of(graph_.value(node.in[1]).dims[0], sizes_));
    for (size_t i = 0; i < node.out.size(); ++i) {
      touched_[node.out[i]] = n_tokens * token_bytes(node.out[i]);
      touched_[graph_.value(node.out[i]).updates] = 0;
    }
  }

  // Of one token in a cache [P, Hk, page, D] or its scales [P, Hk, page].
  double token_bytes(ValueId cache) const {
    const Value& value = graph_.value(cache);
    const int64_t columns = value.dims.size() > 3 ? size_of(value.dims[3], sizes_) : 1;
    return bytes(value.dtype, size_of(value.dims[1], sizes_) * columns);
  }

  double rows_bytes(ValueId table, double n_rows) const {
    const Value& value = graph_.value(table);
    int64_t columns = 1;
    for (size_t i = 1; i < value.dims.size(); ++i) columns *= size_of(value.dims[i], sizes_);
    return n_rows * bytes(value.dtype, columns);
  }

  static double bytes(DType dtype, int64_t n) {
    return static_cast<double>(row_bytes(dtype, static_cast<uint64_t>(std::max<int64_t>(0, n))).value_or(0));
  }

  double bytes_of(const StepWork::Operand& operand) const {
    if (const auto found = touched_.find(operand.value); found != touched_.end()) return found->second;
    const Value& value = graph_.value(operand.value);
    const auto share = share_.find(operand.value);
    if (graph_.value(storage_root(graph_, operand.value)).role == Role::kWeight) {
      return static_cast<double>(operand.memory.size_bytes) * (share == share_.end() ? 1 : share->second);
    }
    return bytes(value.dtype, elements_at(value, sizes_));
  }

  const Graph& graph_;
  const StepWork& step_;
  const std::span<const int64_t> sizes_;
  const IntOperands& contents_;
  const std::set<NodeId> inside_;
  std::map<ValueId, double> touched_;  // bytes, where they do not follow from the shape
  std::map<ValueId, double> share_;    // of a stack
  LaunchWork work_;
};

}  // namespace

int64_t elements_at(const Value& value, std::span<const int64_t> sizes) {
  int64_t n = 1;
  for (const Extent& extent : value.dims) n *= size_of(extent, sizes);
  return n;
}

double LaunchWork::bound_us(const DeviceLimits& limits) const {
  double seconds = limits.read_bytes_per_s > 0 ? bytes() / limits.read_bytes_per_s : 0;
  const double rate = limits.matrix_rate_for(dtype == DType::kInvalid ? DType::kF32 : dtype);
  if (rate > 0) seconds = std::max(seconds, flops / rate);
  return seconds * 1e6;
}

std::vector<ValueId> deciding_operands(const Graph& graph, const StepWork& step) {
  std::vector<ValueId> found;
  const auto add = [&](ValueId id) {
    const bool there = std::ranges::find(step.operands, id, &StepWork::Operand::value) != step.operands.end();
    if (there && graph.value(id).dtype == DType::kI32) found.push_back(id);
  };
  for (const NodeId id : step.nodes) {
    const Node& node = graph.node(id);
    if (node.op->name == "attention" || node.op->name == "attention_ragged") {
      const SequenceOperands& at = node.op->name == "attention" ? kPaged : kRagged;
      add(node.in[at.starts]);
      add(node.in[at.lengths]);
    } else if (node.op->name == "matmul_indexed" || node.op->name == "matmul_grouped") {
      add(node.in[kChoice]);
    }
  }
  return found;
}

LaunchWork work_of(const Graph& graph, const StepWork& step, std::span<const int64_t> sizes,
                   const IntOperands& contents) {
  return Counter(graph, step, sizes, contents).count();
}

}  // namespace bp
