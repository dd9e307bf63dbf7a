#include "compile/divide.h"

#include <fmt/format.h>

#include <map>

#include "base/log.h"
#include "compile/choose_layouts.h"
#include "compile/kernel_cost.h"
#include "compile/tuning.h"
#include "graph/passes/passes.h"

namespace bp {
namespace {

constexpr double kLeastGainUs = 0.1;  // what is less is rounding

class Divider {
 public:
  Divider(const CompileInputs& inputs, const RefusedRows& refused) : inputs_(inputs), refused_(refused) {}

  Division run(const Graph& graph) const {
    Division division{graph, {}};
    if (inputs_.device == nullptr) {
      division.groups = partition(division.graph, nullptr);
      return division;
    }
    const PartitionRules rules = rules_for(division.graph);
    division.groups = partition(division.graph, inputs_.kernels, rules);
    if (!inputs_.options.choose_layouts) return division;
    choose_layouts(division.graph, division.groups, rules.accept,
                   [&](const HostTensor& tensor) { return inputs_.weights->layouts_of(tensor); });
    return division;
  }

  // With all products joined of those kinds that gain by it. What was decided before, for another program of the
  // model, stays: else a weight would be there twice.
  Result<Division> run_joined(Division plain) const {
    const auto all = find_joinable_products(plain.graph);
    std::map<std::string, std::vector<JoinableProducts>> kinds;
    for (const JoinableProducts& set : all) kinds[set.kind].push_back(set);
    auto& decided = inputs_.weights->joined();
    std::vector<JoinableProducts> chosen;
    for (const auto& [kind, sets] : kinds) {
      const auto known = decided.find(kind);
      const bool join = known != decided.end() ? known->second : gains(plain, sets);
      decided[kind] = join;
      if (join) chosen.insert(chosen.end(), sets.begin(), sets.end());
    }
    if (chosen.empty()) return plain;
    Graph joined = join_products(plain.graph, chosen);
    BP_TRY_VOID(verify(joined));
    return run(joined);
  }

 private:
  // One set stands for its kind: the layers of a model are alike.
  bool gains(const Division& plain, const std::vector<JoinableProducts>& sets) const {
    const JoinableProducts& first = sets.front();
    const double before = total_us(plain.groups);
    const Division joined = run(join_products(plain.graph, {&first, 1}));
    const double after = total_us(joined.groups);
    log::debug("compile: {} joined products of {}: {:.1f} us, apart {:.1f}", first.nodes.size(),
               plain.graph.node(first.nodes.front()).scope, after, before);
    // Where the device cannot, the reference would have to, and that shows.
    if (inputs_.options.join_products == JoinProducts::kAlways) return after < before + kReferenceUs / 2;
    return before - after > kLeastGainUs;
  }

  PartitionRules rules_for(const Graph& graph) const {
    PartitionRules rules;
    rules.fuse = inputs_.options.fuse_kernels;
    rules.estimates = !inputs_.options.deterministic;
    // Measured times differ from bucket to bucket, as estimates do.
    if (inputs_.tuning != nullptr && rules.estimates) {
      rules.tuned = [this](const Graph& g, const KernelRow& row, const Match& match,
                           const std::vector<std::string>& in) -> std::optional<double> {
        if (!inputs_.tuning->knows(*row.kernel)) return std::nullopt;
        return inputs_.tuning->tuned_us(*row.kernel, tuning_problem(g, match, in));
      };
    }
    rules.accept = [this, &graph](const KernelRow& row, const Match& match,
                                  const std::vector<std::string>& layouts) -> Result<double> {
      if (const auto said = refused_.find(row.id); said != refused_.end())
        return fail(ErrorCode::kUnsupported, row.id, said->second);
      for (size_t i = 0; i < layouts.size(); ++i) {
        if (layouts[i].empty() || match.slots[i] == kNone) continue;
        const auto tensor = static_cast<size_t>(graph.value(match.slots[i]).host_tensor);
        BP_TRY_VOID(inputs_.weights->check({&graph.host_tensors[tensor], layouts[i]}));
      }
      if (row.kernel->query == nullptr) return 0;
      const Region region = region_of(graph, match, layouts, *inputs_.device);
      BP_TRY(const PlanInfo info, inputs_.device->query(*row.kernel, region.view()));
      return info.est_us;
    };
    return rules;
  }

  const CompileInputs& inputs_;
  const RefusedRows& refused_;
};

}  // namespace

Region region_of(const Graph& graph, const Match& match, const std::vector<std::string>& layouts,
                 const Device& device) {
  std::vector<uint32_t> interned;
  for (const std::string& name : layouts) interned.push_back(name.empty() ? 0 : device.intern(name));
  return Region(graph, match, interned, [&](std::string_view name) { return device.intern(name); });
}

Result<Division> divide(Graph graph, const CompileInputs& inputs, const RefusedRows& refused) {
  const Divider divider(inputs, refused);
  Division plain = divider.run(graph);
  const bool may_join = inputs.device != nullptr && inputs.optimize;
  if (!may_join || inputs.options.join_products == JoinProducts::kNever) return plain;
  return divider.run_joined(std::move(plain));
}

}  // namespace bp
