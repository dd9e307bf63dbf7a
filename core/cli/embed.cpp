// backplane embed MODEL [TEXT]: JSON strings on standard input to lists of numbers, a line each
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/host.h"
#include "cli/interrupt.h"
#include "cli/lines.h"
#include "cli/output.h"
#include "engine/embedding_text.h"

namespace bp::cli {
namespace {

struct EmbedFlags {
  std::string model, text;
  bool has_text = false;
  int batch = 1;
};

// Collects texts until there are enough to run together, and prints their embeddings in order.
class Lines {
 public:
  Lines(Embedder& embedder, const Tokenizer& tokenizer, size_t batch)
      : embedder_(embedder), tokenizer_(tokenizer), batch_(batch) {}

  Status add(std::string_view text, const std::string& where) {
    const auto max_tokens = static_cast<size_t>(embedder_.max_tokens());
    EmbeddingInput input = encode_for_embedding(tokenizer_, text, max_tokens);
    if (input.n_left_out > 0) {
      log::warn("{}: is too long for the model, which takes {} tokens; the last {} are left out", where, max_tokens,
                input.n_left_out);
    }
    waiting_.push_back(std::move(input.tokens));
    return waiting_.size() < batch_ ? Status{} : flush();
  }

  Status flush() {
    if (interrupted()) return fail(ErrorCode::kInterrupted, "embed", "interrupted");
    BP_TRY(const auto rows, embedder_.embed(waiting_));
    waiting_.clear();
    for (const auto& row : rows) BP_TRY_VOID(print(fmt::format("[{}]\n", fmt::join(row, ", "))));
    return {};
  }

 private:
  Embedder& embedder_;
  const Tokenizer& tokenizer_;
  size_t batch_;
  std::vector<std::vector<int32_t>> waiting_;
};

Status embed(const GlobalOptions& global, const EmbedFlags& flags) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(RunningModel running, open_model(*host, flags.model));
  BP_TRY_VOID(start_embedder(*host, running, [&](EngineOptions& options) { options.max_seqs = flags.batch; }));
  BP_TRY(const TextModel text, load_text_model(*running.model));
  Lines lines(*running.embedder, text.tokenizer, static_cast<size_t>(flags.batch));
  if (flags.has_text) {
    BP_TRY_VOID(lines.add(flags.text, "text"));
    return lines.flush();
  }
  BP_TRY_VOID(read_lines([&](const json::value& line, const std::string& where) -> Status {
    if (!line.is_string()) return fail(ErrorCode::kUsage, where, "is not a JSON string", "write \"text\"");
    return lines.add(std::string_view(line.get_string()), where);
  }));
  return lines.flush();
}

}  // namespace

void add_embed(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<EmbedFlags>();
  CLI::App* command =
      add_command(app, invocation, "embed", "JSON strings on standard input to their embeddings, a line each",
                  "echo '\"A text\"' | backplane embed all-minilm-l6-v2");
  command->add_option("model", flags->model, "A GGUF file, a Hugging Face folder, or a name of the zoo")->required();
  CLI::Option* text = command->add_option("text", flags->text, "One text, instead of standard input");
  command->add_option("--batch", flags->batch, "Run so many texts together")->check(CLI::Range(1, 4096));
  command->callback([flags, text, &invocation] {
    flags->has_text = text->count() > 0;
    invocation.work = [flags](const GlobalOptions& global) { return embed(global, *flags); };
  });
}

}  // namespace bp::cli
