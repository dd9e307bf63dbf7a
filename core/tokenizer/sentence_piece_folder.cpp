// tokenizer.model with the files beside it in a Hugging Face folder, see Tokenizer::from_sentence_piece
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "tokenizer/json_access.h"
#include "tokenizer/json_pipeline.h"
#include "tokenizer/sentence_piece_model.h"
#include "tokenizer/tokenizer.h"

namespace bp {
namespace {

constexpr size_t kMaxAdded = 65536;  // ids beyond the model's own

Result<json::object> object_of(std::string_view text, std::string_view where) {
  if (text.empty()) return json::object();
  BP_TRY(json::value value, parse_json(text, where));
  if (!value.is_object()) return refused_json(where, "the document is no object");
  return std::move(value.get_object());
}

class Additions {
 public:
  Additions(Vocabulary& vocabulary, std::string_view where)
      : v_(vocabulary), n_model_tokens_(vocabulary.tokens.size()), where_(where) {}

  // added_tokens.json: {"<|user|>": 32010, …}
  Status read_list(const json::object& list) {
    for (const auto& [text, id] : list) {
      if (!id.is_int64())
        return refused_json(where_, fmt::format("added token \"{}\" has no id", std::string_view(text)));
      BP_TRY_VOID(add({.id = 0, .text = std::string(text)}, id.get_int64()));
    }
    return {};
  }

  // tokenizer_config.json's added_tokens_decoder: {"32010": {"content": "<|user|>", "special": true, …}, …}
  Status read_decoder(const json::object& decoder) {
    for (const auto& [key, value] : decoder) {
      int64_t id = -1;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      const json::object* token = value.if_object();
      if (error != std::errc() || end != key.data() + key.size() || token == nullptr)
        return refused_json(where_, fmt::format("added_tokens_decoder has no token \"{}\"", std::string_view(key)));
      BP_TRY_VOID(add({.id = 0,
                       .text = std::string(json_text(*token, "content")),
                       .special = json_flag(*token, "special"),
                       .lstrip = json_flag(*token, "lstrip"),
                       .rstrip = json_flag(*token, "rstrip"),
                       .single_word = json_flag(*token, "single_word")},
                      id));
    }
    return {};
  }

 private:
  Status add(AddedToken token, int64_t id) {
    const size_t limit = n_model_tokens_ + kMaxAdded;
    if (id < 0 || static_cast<size_t>(id) >= limit)
      return refused_json(where_, fmt::format("added token {} is not below {}", id, limit));
    const auto index = static_cast<size_t>(id);
    if (index >= v_.tokens.size()) {
      v_.tokens.resize(index + 1);
      v_.scores.resize(index + 1);
      v_.types.resize(index + 1, TokenType::kUnused);
    }
    token.id = static_cast<TokenId>(id);
    if (index >= n_model_tokens_) {
      v_.tokens[index] = token.text;
      v_.types[index] = token.special ? TokenType::kControl : TokenType::kAdded;
    }
    std::erase_if(v_.added, [&](const AddedToken& other) { return other.id == token.id; });
    v_.added.push_back(std::move(token));
    return {};
  }

  Vocabulary& v_;
  size_t n_model_tokens_;
  std::string_view where_;
};

// A token as its text, or as an object with "content".
std::optional<TokenId> token_of(const Vocabulary& v, const json::object& config, std::string_view key) {
  const json::object* object = json_object(config, key);
  const std::string_view text = object != nullptr ? json_text(*object, "content") : json_text(config, key);
  const auto it = text.empty() ? v.tokens.end() : std::ranges::find(v.tokens, text);
  return it != v.tokens.end() ? std::optional(static_cast<TokenId>(it - v.tokens.begin())) : std::nullopt;
}

void read_config(Vocabulary& v, const json::object& config) {
  if (const auto id = token_of(v, config, "bos_token")) v.bos = id;
  if (const auto id = token_of(v, config, "eos_token")) v.eos = id;
  if (const auto id = token_of(v, config, "pad_token")) v.pad = id;
  if (config.contains("add_bos_token")) v.add_bos = json_flag(config, "add_bos_token");
  if (config.contains("add_eos_token")) v.add_eos = json_flag(config, "add_eos_token");
  v.space_prefix_once = !json_flag(config, "legacy", true);
}

}  // namespace

Result<Tokenizer> Tokenizer::from_sentence_piece(std::string_view model, std::string_view tokenizer_config_json,
                                                 std::string_view added_tokens_json, std::string_view where) {
  BP_TRY(Vocabulary vocabulary, read_sentence_piece_model(model, where));
  BP_TRY(const json::object config, object_of(tokenizer_config_json, where));
  BP_TRY(const json::object added, object_of(added_tokens_json, where));
  Additions additions(vocabulary, where);
  BP_TRY_VOID(additions.read_list(added));
  if (const json::object* decoder = json_object(config, "added_tokens_decoder"))
    BP_TRY_VOID(additions.read_decoder(*decoder));
  read_config(vocabulary, config);
  return create(std::move(vocabulary), where);
}

}  // namespace bp
