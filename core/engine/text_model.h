// The text side of a model: its tokenizer and chat template, from wherever the model's format keeps them.
// Immutable once loaded: any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/model.h"
#include "template/chat.h"
#include "tokenizer/tokenizer.h"

namespace bp {

struct TextModel {
  Tokenizer tokenizer;
  std::optional<ChatTemplate> chat;
  std::string chat_problem;  // why there is no template: the model has none, or it was refused

  // Ids after which a text ends.
  std::vector<TokenId> stop_tokens;
  // The text of BOS and EOS as templates see them; empty where the model has none.
  std::string bos_text() const;
  std::string eos_text() const;
};

// Errors: kRefused where there is no tokenizer or it cannot be read. A bad template is no error until it is used.
Result<TextModel> load_text_model(const Model& model);
// The same of a path, without looking at weights: a file of a vocabulary alone will do.
Result<TextModel> load_text_model_from(const std::string& path);

// Renders `messages` for the model to answer. Errors: kRefused without a template, or where the template refuses.
Result<std::string> render_chat(const TextModel& text, const json::array& messages);

}  // namespace bp
