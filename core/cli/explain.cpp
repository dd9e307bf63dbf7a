// backplane explain MODEL
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json/value_from.hpp>

#include "cli/command.h"
#include "cli/host.h"
#include "cli/output.h"

namespace bp::cli {
namespace {

struct ExplainFlags {
  std::string model;
  int n_tokens = 1;
  bool dot = false;
  bool all = false;
};

std::string dot_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

// Kernels and views, and which read which, as Graphviz draws them; what runs on the reference although there is a
// device is filled.
std::string to_dot(const Program& program) {
  std::string text = "digraph program {\n  node [shape=box, fontname=monospace];\n";
  for (size_t i = 0; i < program.steps().size(); ++i) {
    const StepInfo& step = program.steps()[i];
    const char* style = step.kernel == "view"        ? ", style=dashed"
                        : step.kernel == "reference" ? ", style=filled, fillcolor=orange"
                                                     : "";
    text += fmt::format("  n{} [label=\"{}\\n{} {}\\n{} on {}\"{}];\n", i, dot_escape(step.op), dot_escape(step.scope),
                        dot_escape(step.shape), dot_escape(step.kernel), dot_escape(step.device), style);
    for (const size_t from : step.reads) text += fmt::format("  n{} -> n{};\n", from, i);
  }
  return text + "}\n";
}

json::object to_json(const StepInfo& step) {
  json::array refused;
  for (const RefusedKernel& kernel : step.refused) {
    refused.push_back(
        json::object{{"kernel", kernel.kernel}, {"reason", refusal_name(kernel.reason)}, {"text", kernel.text}});
  }
  json::object node{{"op", step.op},
                    {"kernel", step.kernel},
                    {"plugin", step.plugin},
                    {"device", step.device},
                    {"dtype", step.dtype},
                    {"shape", step.shape},
                    {"why", step.why},
                    {"scope", step.scope},
                    {"refused", refused},
                    {"layouts", json::value_from(step.layouts)},
                    {"reads", json::value_from(step.reads)}};
  if (step.cost.has_value()) {
    node["cost_us"] = step.cost->us;
    node["cost_source"] = cost_source_name(step.cost->source);
  }
  return node;
}

json::object to_json(const Program& program) {
  json::array nodes, left_out;
  for (const StepInfo& step : program.steps()) nodes.push_back(to_json(step));
  for (const RejectedRow& row : program.left_out())
    left_out.push_back(json::object{{"kernel", row.id}, {"reason", row.reason}});
  return {{"nodes", nodes}, {"fallback", json::value_from(program.fallback_ops())}, {"left_out", left_out}};
}

// A line for each step, and below it the kernels that might have run it. `all`: those, too, whose pattern is not there.
std::string to_text(const Program& program, bool all) {
  std::string text;
  for (const StepInfo& step : program.steps()) {
    text += fmt::format("{:<16} {:<16} {:<28} {:<10} {:<8} {:<24} {}\n", step.scope, step.op, step.kernel, step.device,
                        step.dtype, step.shape, step.why);
    for (const RefusedKernel& kernel : step.refused) {
      if (all || kernel.reason != RefusalReason::kPattern)
        text += fmt::format("    not {}: {}: {}\n", kernel.kernel, refusal_name(kernel.reason), kernel.text);
    }
  }
  for (const RejectedRow& row : program.left_out()) text += fmt::format("left out: {}: {}\n", row.id, row.reason);
  const auto fallback = program.fallback_ops();
  if (!fallback.empty()) text += fmt::format("on the reference: {}\n", fmt::join(fallback, ", "));
  return text;
}

Status explain(const GlobalOptions& global, const ExplainFlags& flags) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(RunningModel running, open_model(*host, flags.model));
  BP_TRY(const Program* program, start_program(*host, running, flags.n_tokens, [](EngineOptions& options) {
           options.op_fallback = FallbackPolicy::kAllow;
           options.rehearse = true;  // nothing is loaded: what does not fit is explained, too
         }));
  if (flags.dot) return print(to_dot(*program));
  return global.json ? print_json(to_json(*program)) : print(to_text(*program, flags.all));
}

}  // namespace

void add_explain(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<ExplainFlags>();
  CLI::App* command = add_command(app, invocation, "explain", "Show which kernel runs each op, and why",
                                  "backplane explain smollm2-135m-instruct --json");
  command->add_option("model", flags->model, "A GGUF file, a Hugging Face folder, or a name of the zoo")->required();
  command->add_option("--tokens", flags->n_tokens, "Size of the step that is shown")->check(CLI::Range(1, 1 << 20));
  command->add_flag("--dot", flags->dot, "Graphviz instead of text")->excludes(command->get_option("--json"));
  command->add_flag("--all", flags->all, "Name the kernels, too, whose pattern does not match");
  command->callback([flags, &invocation] {
    invocation.work = [flags](const GlobalOptions& global) { return explain(global, *flags); };
  });
}

}  // namespace bp::cli
