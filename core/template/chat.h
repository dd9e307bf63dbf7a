// A chat template: Jinja source that came with a model, rendered in a sandbox of our own.
// Thread-safety: immutable after parse(); render() may be called from several threads at once.
// Invariants: values are never read again as template code; no limit is exceeded by more than one step; nothing outside
// the inputs can be reached but the time of day.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace bp {

struct TemplateLimits {
  uint64_t max_steps = 2'000'000;      // evaluations of an expression or statement
  size_t max_output_bytes = 16 << 20;  // of the text, and of all values made on the way at any one time
  int max_depth = 100;                 // nested blocks, expressions, calls and values
  size_t max_source_bytes = 1 << 20;
};

class ChatTemplate {
 public:
  struct Inputs {
    const json::object& variables;  // messages, tools?, add_generation_prompt?, bos_token, eos_token, anything else
    std::optional<std::string> now = std::nullopt;  // ISO time that strftime_now sees; without it the wall clock
  };

  // Errors: kRefused with the line, where the source is no template or larger than the default limits.
  static Result<ChatTemplate> parse(std::string source, std::string_view where);

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // Errors: kRefused where the template refuses the conversation (raise_exception), goes wrong, or exceeds a limit.
  Result<std::string> render(const Inputs& inputs, const TemplateLimits& limits = {}) const;

 private:
  struct Parsed;
  explicit ChatTemplate(std::unique_ptr<const Parsed> parsed);
  std::unique_ptr<const Parsed> parsed_;
};

}  // namespace bp
