// backplane template MODEL: JSON lines of conversations to JSON lines of rendered text
#include <fmt/format.h>

#include "base/mapped_file.h"
#include "cli/command.h"
#include "cli/host.h"
#include "cli/lines.h"
#include "cli/output.h"

namespace bp::cli {
namespace {

constexpr size_t kMaxTemplateBytes = size_t{1} << 20;

struct TemplateFlags {
  std::string model, file;
  std::optional<std::string> bos, eos;
};

struct Source {
  ChatTemplate chat;
  std::string bos, eos;
};

Result<Source> open_source(const GlobalOptions& global, const TemplateFlags& flags) {
  if (flags.model.empty() && flags.file.empty()) {
    return fail(ErrorCode::kUsage, "template", "needs a model or --file", "name one");
  }
  std::optional<TextModel> text;
  if (!flags.model.empty()) {
    BP_TRY(const auto host, Host::create(global));
    BP_TRY(const std::string path, host->model_path(flags.model));
    BP_TRY(text, load_text_model_from(path));
  }
  const std::string bos = flags.bos.value_or(text ? text->bos_text() : "");
  const std::string eos = flags.eos.value_or(text ? text->eos_text() : "");
  if (!flags.file.empty()) {
    BP_TRY(std::string source, read_text_file(flags.file, kMaxTemplateBytes));
    BP_TRY(ChatTemplate chat, ChatTemplate::parse(std::move(source), flags.file));
    return Source{std::move(chat), bos, eos};
  }
  if (!text->chat) return fail(ErrorCode::kRefused, flags.model, text->chat_problem, "name a template with --file");
  return Source{std::move(*text->chat), bos, eos};
}

Status render_lines(const GlobalOptions& global, const TemplateFlags& flags) {
  BP_TRY(const Source source, open_source(global, flags));
  return for_each_line([&](const json::value& line, const std::string& where) -> Result<json::value> {
    if (!line.is_object() || !line.get_object().contains("messages")) {
      return fail(ErrorCode::kUsage, where, "is no object with \"messages\"", "write {\"messages\": [...]}");
    }
    json::object variables = line.get_object();
    std::optional<std::string> now;
    if (const json::value* time = variables.if_contains("now"); time != nullptr && time->is_string())
      now = std::string(time->get_string());
    variables.erase("now");
    variables.emplace("bos_token", source.bos);
    variables.emplace("eos_token", source.eos);
    const auto rendered = source.chat.render({.variables = variables, .now = now});
    if (rendered.has_value()) return json::value(*rendered);
    return json::value(json::object{{"error", rendered.error().message()}});
  });
}

}  // namespace

void add_template(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<TemplateFlags>();
  CLI::App* command =
      add_command(app, invocation, "template", "Render conversations, a JSON line each",
                  "echo '{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"add_generation_prompt\":true}' | "
                  "backplane template smollm2-135m-instruct");
  command->add_option("model", flags->model, "A GGUF file, a Hugging Face folder, or a name of the zoo");
  command->add_option("--file", flags->file, "This template instead of the model's own")->type_name("F.jinja");
  command->add_option("--bos-token", flags->bos, "What the template sees as bos_token");
  command->add_option("--eos-token", flags->eos, "What the template sees as eos_token");
  command->callback([flags, &invocation] {
    invocation.work = [flags](const GlobalOptions& global) { return render_lines(global, *flags); };
  });
}

}  // namespace bp::cli
