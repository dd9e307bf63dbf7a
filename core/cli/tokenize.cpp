// backplane tokenize MODEL, backplane detokenize MODEL: JSON lines in, JSON lines out
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/host.h"
#include "cli/lines.h"
#include "cli/output.h"

namespace bp::cli {
namespace {

struct TokenizeFlags {
  std::string model;
  bool special = false;
  bool bos = false;
};

Result<TextModel> open_text(const GlobalOptions& global, const std::string& name) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(const std::string path, host->model_path(name));
  return load_text_model_from(path);
}

Status tokenize(const GlobalOptions& global, const TokenizeFlags& flags) {
  BP_TRY(const TextModel text, open_text(global, flags.model));
  return for_each_line([&](const json::value& line, const std::string& where) -> Result<json::value> {
    if (!line.is_string()) return fail(ErrorCode::kUsage, where, "is not a JSON string", "write \"text\"");
    const auto ids = text.tokenizer.encode(std::string_view(line.get_string()),
                                           {.add_special = flags.bos, .parse_special = flags.special});
    return json::value(json::array(ids.begin(), ids.end()));
  });
}

Status detokenize(const GlobalOptions& global, const TokenizeFlags& flags) {
  BP_TRY(const TextModel text, open_text(global, flags.model));
  return for_each_line([&](const json::value& line, const std::string& where) -> Result<json::value> {
    const auto bad = [&](const std::string& what) { return fail(ErrorCode::kUsage, where, what, "write [1, 2, 3]"); };
    if (!line.is_array()) return bad("is not a list of token ids");
    std::vector<TokenId> ids;
    for (const json::value& item : line.get_array()) {
      const bool known =
          item.is_int64() && item.get_int64() >= 0 && static_cast<uint64_t>(item.get_int64()) < text.tokenizer.size();
      if (!known) return bad(fmt::format("{} is no token id (0 to {})", write_json(item), text.tokenizer.size() - 1));
      ids.push_back(static_cast<TokenId>(item.get_int64()));
    }
    return json::value(text.tokenizer.decode(ids, !flags.special));
  });
}

void add(CLI::App& app, Invocation& invocation, bool forward) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* command = forward ? add_command(app, invocation, "tokenize",
                                            "JSON strings on standard input to lists of token ids, a line each",
                                            "echo '\"Hello\"' | backplane tokenize smollm2-135m-instruct")
                              : add_command(app, invocation, "detokenize",
                                            "Lists of token ids on standard input to JSON strings, a line each",
                                            "echo '[19556]' | backplane detokenize smollm2-135m-instruct");
  command->add_option("model", flags->model, "A GGUF file, a Hugging Face folder, or a name of the zoo")->required();
  command->add_flag("--special", flags->special,
                    forward ? "Parse special tokens in the text" : "Write special tokens as text");
  if (forward) command->add_flag("--bos", flags->bos, "Add what the model adds: BOS, EOS");
  command->callback([flags, forward, &invocation] {
    invocation.work = [flags, forward](const GlobalOptions& global) {
      return forward ? tokenize(global, *flags) : detokenize(global, *flags);
    };
  });
}

}  // namespace

void add_tokenize(CLI::App& app, Invocation& invocation) {
  add(app, invocation, true);
  add(app, invocation, false);
}

}  // namespace bp::cli
