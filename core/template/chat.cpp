#include "template/chat.h"

#include <fmt/format.h>

#include <utility>

#include "template/interpreter.h"
#include "template/parser.h"
#include "template/strftime.h"

namespace bp {

struct ChatTemplate::Parsed {
  std::string where;
  size_t source_bytes;
  jinja::Template tree;
};

ChatTemplate::ChatTemplate(std::unique_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

namespace {

Status check_size(size_t n_bytes, size_t limit, std::string_view where) {
  if (n_bytes <= limit) return {};
  return fail(ErrorCode::kRefused, std::string(where),
              fmt::format("the template is too large ({} bytes, at most {})", n_bytes, limit));
}

}  // namespace

Result<ChatTemplate> ChatTemplate::parse(std::string source, std::string_view where) {
  BP_TRY_VOID(check_size(source.size(), TemplateLimits{}.max_source_bytes, where));
  BP_TRY(jinja::Template tree, jinja::parse_template(source, where));
  return ChatTemplate(std::make_unique<const Parsed>(std::string(where), source.size(), std::move(tree)));
}

Result<std::string> ChatTemplate::render(const Inputs& inputs, const TemplateLimits& limits) const {
  BP_TRY_VOID(check_size(parsed_->source_bytes, limits.max_source_bytes, parsed_->where));
  std::optional<std::tm> now;
  if (inputs.now) {
    now = jinja::parse_iso_time(*inputs.now);
    if (!now) {
      return fail(ErrorCode::kUsage, "now", fmt::format("{:?} is no ISO time", inputs.now->substr(0, 40)),
                  "write it as 2026-11-23T12:00:00");
    }
  }
  jinja::Run run(limits);
  std::string text;
  {
    jinja::Interpreter interpreter(parsed_->tree, run, now);
    text = interpreter.render(inputs.variables);
  }
  if (!run.failed()) return text;
  return fail(ErrorCode::kRefused, fmt::format("{}:{}", parsed_->where, run.error_line()), run.error());
}

}  // namespace bp
