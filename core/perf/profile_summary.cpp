// Records of steps into rows, groups and a time line.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "base/check.h"
#include "perf/launch_work.h"
#include "perf/profile.h"

namespace bp {
namespace {

// Where a launch stands, the same in the programs of all buckets: its description, and the how-manieth of that
// description it is.
using PlaceKey = std::tuple<std::string, std::string, std::string, std::string, std::string, int>;

// Where "blk.3" ends in "blk.3.attn"; 0: the name is of no layer.
size_t layer_end(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return 0;
  const size_t end = std::min(name.find_first_not_of("0123456789", dot + 1), name.size());
  return end > dot + 1 && (end == name.size() || name[end] == '.') ? end : 0;
}

// "blk.3" of "blk.3.attn"; a scope of no layer as it is; what has no scope by its op.
std::string layer_of(const ProfileOp& op) {
  if (op.scope.empty()) return op.op;
  const size_t end = layer_end(op.scope);
  return end > 0 ? op.scope.substr(0, end) : op.scope;
}

// The op and what is the same in each layer: the weight's name, or the scope, without the layer.
std::string part_of(const ProfileOp& op) {
  std::string place = op.weight.empty() ? op.scope : op.weight;
  if (const size_t end = layer_end(place); end > 0) place.erase(0, end + 1);
  if (place.ends_with(".weight")) place.erase(place.size() - std::string_view(".weight").size());
  return place.empty() ? op.op : op.op + " " + place;
}

// The name of the largest weight a launch reads; the frequencies of a rotation name no place.
std::string weight_of(const Graph& graph, const StepWork& work) {
  std::set<ValueId> left_out;
  for (const NodeId id : work.nodes) {
    if (graph.node(id).op->name == "rope") left_out.insert(graph.node(id).in[2]);
  }
  uint64_t most = 0;
  std::string name;
  for (const StepWork::Operand& operand : work.operands) {
    const Value& value = graph.value(storage_root(graph, operand.value));
    if (value.role != Role::kWeight || operand.memory.size_bytes <= most || left_out.contains(operand.value)) continue;
    most = operand.memory.size_bytes;
    name = value.name;
  }
  return name;
}

// What stays the same in every run of a program.
struct Places {
  std::vector<StepWork> work;  // by step
  std::vector<size_t> op;      // of the phase's ops, by step
};

class Summary {
 public:
  Summary(std::span<const std::string> names, Profile& profile) : profile_(profile) {
    for (const std::string& name : names) {
      ProfilePhase& phase = profile_.phases.emplace_back();
      phase.name = name;
    }
    keys_.resize(names.size());
    places_.resize(names.size());
  }

  void add(const StepRecord& record) {
    BP_CHECK(record.phase < profile_.phases.size(), "phase {} of {}", record.phase, profile_.phases.size());
    ProfilePhase& phase = profile_.phases[record.phase];
    ++phase.n_steps;
    phase.n_tokens += record.n_tokens;
    phase.step_us += record.end_us - record.start_us;
    ProfileStep& step = profile_.steps.emplace_back();
    step = {record.phase,
            record.start_us,
            record.end_us - record.start_us,
            record.n_tokens,
            record.n_seqs,
            record.kv_bytes,
            {}};
    profile_.memory.kv_peak_bytes = std::max(profile_.memory.kv_peak_bytes, record.kv_bytes);
    for (const RunRecord& run : record.runs) step.runs.push_back(add_run(record.phase, run));
  }

  void finish() {
    for (ProfilePhase& phase : profile_.phases) {
      for (ProfileOp& op : phase.ops) {
        std::ranges::sort(op.times.each);
        op.step_share = phase.step_us > 0 ? op.times.total() / phase.step_us : 0;
        phase.launch_us += op.times.total();
      }
      phase.by_part = group(phase, part_of);
      phase.by_op = group(phase, [](const ProfileOp& op) { return op.op; });
      phase.by_kernel = group(phase, [](const ProfileOp& op) { return op.kernel; });
      phase.by_layer = group(phase, layer_of);
    }
    profile_.memory.weight_bytes =
        std::accumulate(weights_.begin(), weights_.end(), uint64_t{0},
                        [](uint64_t sum, const auto& weight) { return sum + weight.second; });
  }

 private:
  ProfileRun add_run(size_t phase_index, const RunRecord& record) {
    const Program& program = *record.program;
    const Places& places = places_of(phase_index, program);
    ProfileRun run = {program.graph().name, record.start_us, record.end_us - record.start_us, {}};
    for (const LaunchRecord& launch : record.launches) {
      ProfileOp& op = profile_.phases[phase_index].ops[places.op[launch.at]];
      const StepWork& step = places.work[launch.at];
      const LaunchWork work = work_of(program.graph(), step, record.sizes, record.contents);
      op.times.each.push_back(launch.duration_us);
      op.bytes += work.bytes();
      op.flops += work.flops;
      op.bound_us += work.bound_us(profile_.limits);
      run.launches.push_back({places.op[launch.at], launch.start_us, launch.duration_us, step.live_bytes});
      profile_.memory.arena_peak_bytes = std::max(profile_.memory.arena_peak_bytes, step.live_bytes);
    }
    profile_.memory.arena_bytes = std::max(profile_.memory.arena_bytes, program.memory().arena_bytes);
    return run;
  }

  const Places& places_of(size_t phase, const Program& program) {
    const auto [found, is_new] = places_[phase].try_emplace(&program);
    Places& places = found->second;
    if (!is_new) return places;
    std::map<PlaceKey, int> met;
    for (size_t at = 0; at < program.steps().size(); ++at) {
      places.work.push_back(program.work(at));
      places.op.push_back(place(phase, program, at, places.work.back(), met));
      for (const StepWork::Operand& operand : places.work.back().operands) {
        const Value& owner = program.graph().value(storage_root(program.graph(), operand.value));
        if (owner.role == Role::kWeight && operand.memory.buffer != nullptr)
          weights_[{operand.memory.buffer, operand.memory.offset}] = operand.memory.size_bytes;
      }
    }
    return places;
  }

  // The index of the op at this place, made where there is none yet.
  size_t place(size_t phase, const Program& program, size_t at, const StepWork& work, std::map<PlaceKey, int>& met) {
    const StepInfo& info = program.steps()[at];
    if (info.kernel == "view") return 0;  // never launched
    PlaceKey key{info.scope, info.op, info.kernel, info.dtype, info.shape, 0};
    std::get<int>(key) = met[key]++;
    std::vector<ProfileOp>& ops = profile_.phases[phase].ops;
    const auto [found, is_new] = keys_[phase].try_emplace(key, ops.size());
    if (is_new) {
      ProfileOp& op = ops.emplace_back();
      op.op = info.op;
      op.scope = info.scope;
      op.kernel = info.kernel;
      op.plugin = info.plugin;
      op.device = info.device;
      op.dtype = info.dtype;
      op.shape = info.shape;
      op.weight = weight_of(program.graph(), work);
      op.name = info.scope.empty() ? info.op : info.scope + " " + info.op;
    }
    return found->second;
  }

  static std::vector<ProfileRow> group(const ProfilePhase& phase,
                                       const std::function<std::string(const ProfileOp&)>& name_of) {
    std::map<std::string, ProfileRow> rows;
    for (const ProfileOp& op : phase.ops) {
      ProfileRow& row = rows[name_of(op)];
      row.times.each.insert(row.times.each.end(), op.times.each.begin(), op.times.each.end());
      row.bytes += op.bytes;
      row.flops += op.flops;
      row.bound_us += op.bound_us;
      row.step_share += op.step_share;
    }
    std::vector<ProfileRow> sorted;
    for (auto& [name, row] : rows) {
      row.name = name;
      std::ranges::sort(row.times.each);
      sorted.push_back(std::move(row));
    }
    std::ranges::sort(sorted, {}, [](const ProfileRow& row) { return std::pair(-row.times.total(), row.name); });
    return sorted;
  }

  Profile& profile_;
  std::vector<std::map<PlaceKey, size_t>> keys_;                    // by phase
  std::vector<std::map<const Program*, Places>> places_;            // by phase
  std::map<std::pair<const Buffer*, uint64_t>, uint64_t> weights_;  // bytes, by where they lie
};

}  // namespace

double LaunchTimes::total() const { return std::accumulate(each.begin(), each.end(), 0.0); }

double LaunchTimes::mean() const { return each.empty() ? 0 : total() / static_cast<double>(each.size()); }

double LaunchTimes::p50() const {
  if (each.empty()) return 0;
  const size_t middle = each.size() / 2;
  return each.size() % 2 == 1 ? each[middle] : (each[middle - 1] + each[middle]) / 2;
}

double LaunchTimes::max() const { return each.empty() ? 0 : each.back(); }

double ProfileRow::bytes_per_s() const { return times.total() > 0 ? bytes / times.total() * 1e6 : 0; }

double ProfileRow::flops_per_s() const { return times.total() > 0 ? flops / times.total() * 1e6 : 0; }

double ProfileRow::roofline_share() const { return times.total() > 0 ? bound_us / times.total() : 0; }

void summarise(std::span<const StepRecord> steps, std::span<const std::string> phases, Profile& profile) {
  Summary summary(phases, profile);
  for (const StepRecord& step : steps) summary.add(step);
  summary.finish();
}

}  // namespace bp
