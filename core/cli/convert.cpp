// backplane convert SRC OUT.gguf
#include "model/convert.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/write_options.h"
#include "model/quantize_plan.h"

namespace bp::cli {
namespace {

struct ConvertFlags {
  std::string source, out, type;
  int threads = 0;
};

Status convert(const GlobalOptions& global, const ConvertFlags& flags) {
  ConvertOptions options;
  if (!flags.type.empty()) options.type = parse_quantize_type(flags.type);
  if (!flags.type.empty() && !options.type) {
    return fail(ErrorCode::kUsage, "--type", fmt::format("{} is no type to convert to", flags.type),
                "use " + quantize_type_names());
  }
  WriteProgress progress(global, "converting");
  BP_TRY(const QuantizeReport report,
         convert_folder(flags.source, flags.out, options, progress.options(flags.threads)));
  progress.finish();
  return print_written(global, flags.out, report);
}

}  // namespace

void add_convert(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<ConvertFlags>();
  CLI::App* command = add_command(app, invocation, "convert", "Make a model folder one GGUF file",
                                  "backplane convert Llama-3.2-1B llama-3.2-1b.gguf --type q8_0");
  command->add_option("source", flags->source, "A folder with config.json and safetensors or PyTorch weights")
      ->required()
      ->type_name("SRC");
  command->add_option("out", flags->out, "The file to write")->required()->type_name("OUT.gguf");
  command->add_option("--type", flags->type, "Type of the matrices (default: as they are): " + quantize_type_names())
      ->type_name("TYPE");
  command->add_option("--threads", flags->threads, "Threads to work on (default: all)")->check(CLI::Range(1, 1024));
  command->callback([flags, &invocation] {
    invocation.work = [flags](const GlobalOptions& global) { return convert(global, *flags); };
  });
}

}  // namespace bp::cli
