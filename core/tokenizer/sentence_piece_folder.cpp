#include "tokenizer/sentence_piece_folder.h"

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

// Classes that give SentencePiece's tokens other ids, or change a text before SentencePiece sees it.
constexpr std::string_view kUnlikeTheirModel[] = {
    "AlbertTokenizer",      "BarthezTokenizer", "BartphoTokenizer", "CamembertTokenizer", "DebertaV2Tokenizer",
    "FNetTokenizer",        "M2M100Tokenizer",  "MBart50Tokenizer", "MBartTokenizer",     "MarianTokenizer",
    "NllbTokenizer",        "PegasusTokenizer", "PLBartTokenizer",  "ReformerTokenizer",  "RemBertTokenizer",
    "SeamlessM4TTokenizer", "XGLMTokenizer",    "XLNetTokenizer"};

// XLM-RoBERTa's ids are fairseq's: <s>, <pad>, </s>, <unk>, then SentencePiece's from its fourth on, then <mask>.
void number_as_fairseq(Vocabulary& v) {
  const Vocabulary old = v;
  v.tokens = {"<s>", "<pad>", "</s>", "<unk>"};
  v.types = {TokenType::kControl, TokenType::kControl, TokenType::kControl, TokenType::kUnknown};
  v.scores = {0, 0, 0, 0};
  for (size_t i = 3; i < old.tokens.size(); ++i) {
    v.tokens.push_back(old.tokens[i]);
    v.types.push_back(old.types[i]);
    v.scores.push_back(old.scores[i]);
  }
  v.tokens.emplace_back("<mask>");
  v.types.push_back(TokenType::kControl);
  v.scores.push_back(0);
  v.bos = v.cls = 0;
  v.pad = 1;
  v.eos = v.sep = 2;
  v.unk = 3;
  v.add_bos = v.add_eos = true;
}

// T5's tokens for gaps, the first of which comes last.
void add_extra_ids(Vocabulary& v, const json::object& config) {
  const json::value* count = json_member(config, "extra_ids");
  const int64_t n = count != nullptr && count->is_int64() ? count->get_int64() : 100;
  for (int64_t i = std::min<int64_t>(n, kMaxAdded) - 1; i >= 0; --i) {
    v.tokens.push_back(fmt::format("<extra_id_{}>", i));
    v.types.push_back(TokenType::kControl);
    v.scores.push_back(0);
  }
}

// What the class makes of the model. XLM-RoBERTa's has a name of its own.
Status apply_class(Vocabulary& v, const json::object& config, std::string_view where) {
  std::string_view name = json_text(config, "tokenizer_class");
  if (name.ends_with("Fast")) name.remove_suffix(4);
  if (std::ranges::find(kUnlikeTheirModel, name) != std::end(kUnlikeTheirModel)) {
    return fail(ErrorCode::kUnsupported, std::string(where),
                fmt::format("tokenizer class \"{}\" is not supported from its SentencePiece model alone", name),
                "fetch tokenizer.json, or use a GGUF of this model");
  }
  const bool fairseq = name == "XLMRobertaTokenizer" || (name.empty() && where.ends_with("sentencepiece.bpe.model"));
  if (fairseq) number_as_fairseq(v);
  if (name == "T5Tokenizer" && !config.contains("added_tokens_decoder")) add_extra_ids(v, config);
  return {};
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

Result<Vocabulary> sentence_piece_vocabulary(std::string_view model, std::string_view tokenizer_config_json,
                                             std::string_view added_tokens_json, std::string_view where) {
  BP_TRY(Vocabulary vocabulary, read_sentence_piece_model(model, where));
  BP_TRY(const json::object config, object_of(tokenizer_config_json, where));
  BP_TRY(const json::object added, object_of(added_tokens_json, where));
  BP_TRY_VOID(apply_class(vocabulary, config, where));
  Additions additions(vocabulary, where);
  BP_TRY_VOID(additions.read_list(added));
  if (const json::object* decoder = json_object(config, "added_tokens_decoder"))
    BP_TRY_VOID(additions.read_decoder(*decoder));
  read_config(vocabulary, config);
  return vocabulary;
}

Result<Tokenizer> Tokenizer::from_sentence_piece(std::string_view model, std::string_view tokenizer_config_json,
                                                 std::string_view added_tokens_json, std::string_view where) {
  BP_TRY(Vocabulary vocabulary, sentence_piece_vocabulary(model, tokenizer_config_json, added_tokens_json, where));
  return create(std::move(vocabulary), where);
}

}  // namespace bp
