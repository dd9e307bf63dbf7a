// backplane quantize IN.gguf OUT.gguf TYPE
#include "model/quantize.h"

#include <fmt/format.h>

#include "base/progress.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/write_options.h"
#include "model/quantize_plan.h"

namespace bp::cli {
namespace {

struct QuantizeFlags {
  std::string in, out, type, importance;
  bool pure = false;
  int threads = 0;
};

Status quantize(const GlobalOptions& global, const QuantizeFlags& flags) {
  const auto type = parse_quantize_type(flags.type);
  if (!type) {
    return fail(ErrorCode::kUsage, "TYPE", fmt::format("{} is no type to quantise to", flags.type),
                "use " + quantize_type_names());
  }
  const QuantizeOptions options{.type = *type, .pure = flags.pure, .importance = flags.importance};
  WriteProgress progress(global, "quantising");
  BP_TRY(const QuantizeReport report, quantize_gguf(flags.in, flags.out, options, progress.options(flags.threads)));
  progress.finish();
  return print_written(global, flags.out, report);
}

}  // namespace

void add_quantize(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<QuantizeFlags>();
  CLI::App* command =
      add_command(app, invocation, "quantize", "Make a GGUF model one of smaller weights",
                  "backplane quantize model-bf16.gguf model-q4_k.gguf q4_k --imatrix model.imatrix.gguf");
  command->add_option("in", flags->in, "A GGUF file, or the first shard of one")->required()->type_name("IN.gguf");
  command->add_option("out", flags->out, "The file to write")->required()->type_name("OUT.gguf");
  command->add_option("type", flags->type, "Type of the matrices: " + quantize_type_names())
      ->required()
      ->type_name("TYPE");
  command->add_option("--imatrix", flags->importance, "Importance matrix, as `backplane eval --imatrix` writes it")
      ->type_name("FILE");
  command->add_flag("--pure", flags->pure, "Give embedding and head TYPE too, however few its bits");
  command->add_option("--threads", flags->threads, "Threads to work on (default: all)")->check(CLI::Range(1, 1024));
  command->callback([flags, &invocation] {
    invocation.work = [flags](const GlobalOptions& global) { return quantize(global, *flags); };
  });
}

}  // namespace bp::cli
