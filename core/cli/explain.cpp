// backplane explain MODEL
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/host.h"
#include "cli/output.h"

namespace bp::cli {
namespace {

struct ExplainFlags {
  std::string model;
  int n_tokens = 1;
  bool dot = false;
};

std::string dot_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

// The lowered steps in order, as Graphviz draws them.
std::string to_dot(std::span<const StepInfo> steps) {
  std::string text = "digraph program {\n  node [shape=box, fontname=monospace];\n";
  for (size_t i = 0; i < steps.size(); ++i) {
    const StepInfo& step = steps[i];
    text += fmt::format("  n{} [label=\"{}\\n{} {}\\n{} on {}\"];\n", i, dot_escape(step.op), dot_escape(step.scope),
                        dot_escape(step.shape), dot_escape(step.kernel), dot_escape(step.device));
    if (i > 0) text += fmt::format("  n{} -> n{};\n", i - 1, i);
  }
  return text + "}\n";
}

Status explain(const GlobalOptions& global, const ExplainFlags& flags) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(RunningModel running, open_model(*host, flags.model));
  const auto adjust = [&](EngineOptions& options) {
    options.max_batch_tokens = std::max(options.max_batch_tokens, flags.n_tokens);
    options.op_fallback = FallbackPolicy::kAllow;
  };
  const Program* program = nullptr;
  if (running.is_encoder()) {
    BP_TRY_VOID(start_embedder(*host, running, adjust));
    BP_TRY(program, running.embedder->program(flags.n_tokens));
  } else {
    BP_TRY_VOID(start_engine(*host, running, adjust));
    BP_TRY(program, running.engine->executor().program(flags.n_tokens));
  }
  if (flags.dot) return print(to_dot(program->steps()));
  json::array nodes;
  std::string text;
  for (const StepInfo& step : program->steps()) {
    nodes.push_back(json::object{{"op", step.op},
                                 {"kernel", step.kernel},
                                 {"plugin", step.plugin},
                                 {"device", step.device},
                                 {"dtype", step.dtype},
                                 {"shape", step.shape},
                                 {"why", step.why},
                                 {"scope", step.scope}});
    text += fmt::format("{:<16} {:<16} {:<28} {:<10} {:<8} {:<24} {}\n", step.scope, step.op, step.kernel, step.device,
                        step.dtype, step.shape, step.why);
  }
  return global.json ? print_json(json::object{{"nodes", nodes}}) : print(text);
}

}  // namespace

void add_explain(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<ExplainFlags>();
  CLI::App* command = add_command(app, invocation, "explain", "Show which kernel runs each op, and why",
                                  "backplane explain smollm2-135m-instruct --json");
  command->add_option("model", flags->model, "A GGUF file, a Hugging Face folder, or a name of the zoo")->required();
  command->add_option("--tokens", flags->n_tokens, "Size of the step that is shown")->check(CLI::Range(1, 1 << 20));
  command->add_flag("--dot", flags->dot, "Graphviz instead of text");
  command->callback([flags, &invocation] {
    invocation.work = [flags](const GlobalOptions& global) { return explain(global, *flags); };
  });
}

}  // namespace bp::cli
