// tokenizer.json, see tokenizer_spec.h
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "tokenizer/byte_level_bpe.h"
#include "tokenizer/char_bpe.h"
#include "tokenizer/json_access.h"
#include "tokenizer/json_pipeline.h"
#include "tokenizer/unigram.h"
#include "tokenizer/utf8.h"
#include "tokenizer/word_piece.h"

namespace bp {
namespace {

class Reader {
 public:
  Reader(const json::object& root, std::string_view where)
      : root_(root), where_(where), owner_(std::make_unique<TokenizerSpec>()), spec_(*owner_) {}

  Result<std::unique_ptr<TokenizerSpec>> read(const json::object& config) {
    const json::object* model = json_object(root_, "model");
    if (model == nullptr) return refused_json(where_, "there is no \"model\" object");
    BP_TRY_VOID(read_normalizer(root_, spec_, where_));
    BP_TRY_VOID(read_model(*model));
    BP_TRY_VOID(read_added_tokens());
    if (const auto unknown = id_of(json_text(*model, "unk_token"))) spec_.vocabulary.unk = unknown;
    BP_TRY(const auto processors, flatten_part(root_, "post_processor", "processors", where_));
    for (const json::object* processor : processors) BP_TRY_VOID(read_post_processor(*processor));
    read_config(config);
    return std::move(owner_);
  }

 private:
  Status read_model(const json::object& model) {
    const std::string_view type = json_text(model, "type");
    // Files of the first versions name no type.
    if (type == "BPE" || (type.empty() && model.contains("merges"))) return read_bpe(model);
    if (type == "Unigram") return read_unigram(model);
    if (type == "WordPiece" || type == "WordLevel") return read_word_piece(model, type == "WordLevel");
    return unsupported_part("tokenizer model", type, where_);
  }

  Status read_bpe(const json::object& model) {
    if (const json::value* dropout = json_member(model, "dropout")) {
      if (!dropout->is_number() || dropout->to_number<double>() != 0)
        return unsupported_part("model.dropout", write_json(*dropout), where_);
    }
    CharBpeOptions options{.ignore_merges = json_flag(model, "ignore_merges"),
                           .byte_fallback = json_flag(model, "byte_fallback"),
                           .fuse_unknown = json_flag(model, "fuse_unk"),
                           .word_prefix = std::string(json_text(model, "continuing_subword_prefix")),
                           .word_suffix = std::string(json_text(model, "end_of_word_suffix"))};
    BP_TRY(const bool byte_level, is_byte_level(root_, where_));
    const bool bytes =
        byte_level && !options.byte_fallback && options.word_prefix.empty() && options.word_suffix.empty();
    BP_TRY_VOID(read_pre_tokenizer(root_, bytes, spec_, where_));
    if (bytes) {
      spec_.form = TokenForm::kByteAlphabet;
    } else {
      BP_TRY_VOID(read_decoder(root_, spec_, where_));
    }
    BP_TRY_VOID(read_vocabulary(model, options.byte_fallback));
    BP_TRY_VOID(read_merges(model));
    spec_.make_model = [&spec = spec_, options,
                        bytes](const TokenTable& tokens) mutable -> std::unique_ptr<TokenModel> {
      options.unknown = spec.vocabulary.unk;
      const auto& all = spec.vocabulary.merges;
      if (!bytes) return std::make_unique<CharBpe>(tokens, all, options);
      return std::make_unique<ByteLevelBpe>(
          tokens, all, ByteLevelBpeOptions{.ignore_merges = options.ignore_merges, .unknown = options.unknown});
    };
    return {};
  }

  Status read_unigram(const json::object& model) {
    BP_TRY_VOID(read_ends());
    const json::array* vocab = json_array(model, "vocab");
    if (vocab == nullptr) return refused_json(where_, "there is no \"model.vocab\" array");
    const bool byte_fallback = json_flag(model, "byte_fallback");
    std::vector<double> scores;
    for (const json::value& entry : *vocab) {
      const json::array* pair = entry.if_array();
      if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_number())
        return refused_json(where_, fmt::format("entry {} of \"model.vocab\" is no token with a score", scores.size()));
      const std::string_view text = (*pair)[0].get_string();
      BP_TRY_VOID(
          put(text, json::value(static_cast<int64_t>(scores.size())), type_of(text, byte_fallback), vocab->size()));
      scores.push_back((*pair)[1].to_number<double>());
    }
    UnigramOptions options{.unknown = std::nullopt, .byte_fallback = byte_fallback};
    if (const json::value* id = json_member(model, "unk_id")) {
      if (!id->is_int64() || id->get_int64() < 0 || static_cast<size_t>(id->get_int64()) >= scores.size())
        return refused_json(where_, fmt::format("model.unk_id {} is no token", write_json(*id)));
      options.unknown = static_cast<TokenId>(id->get_int64());
      spec_.vocabulary.unk = options.unknown;
    }
    spec_.make_model = [scores = std::move(scores), options](const TokenTable& tokens) {
      std::vector<double> all = scores;
      all.resize(tokens.size(), kAddedTokenScore);  // added tokens are none of the model's
      return std::make_unique<Unigram>(tokens, std::move(all), options);
    };
    return {};
  }

  Status read_word_piece(const json::object& model, bool whole_words_only) {
    BP_TRY_VOID(read_ends());
    BP_TRY_VOID(read_vocabulary(model, false));
    WordPieceOptions options{.begin_prefix = "", .whole_words_only = whole_words_only};
    if (const json::value* prefix = json_member(model, "continuing_subword_prefix");
        prefix != nullptr && prefix->is_string())
      options.continue_prefix = prefix->get_string();
    if (const json::value* limit = json_member(model, "max_input_chars_per_word");
        limit != nullptr && limit->is_int64())
      options.max_chars = static_cast<size_t>(std::max<int64_t>(limit->get_int64(), 0));
    if (options.continue_prefix.empty() && !whole_words_only)
      return unsupported_part("model.continuing_subword_prefix", "", where_);
    spec_.make_model = [&spec = spec_, options](const TokenTable& tokens) mutable {
      options.unknown = spec.vocabulary.unk;
      return std::make_unique<WordPiece>(tokens, options);
    };
    return {};
  }

  Status read_ends() {
    BP_TRY_VOID(read_pre_tokenizer(root_, false, spec_, where_));
    return read_decoder(root_, spec_, where_);
  }

  Status put(std::string_view text, const json::value& id, TokenType type, size_t n_entries) {
    // Ids may have holes, but a few entries must not claim a huge table.
    const size_t limit = std::min(TokenTable::kMaxTokens, n_entries * 2 + 65536);
    const auto number = id.is_int64() ? id.get_int64() : -1;
    if (number < 0 || static_cast<size_t>(number) >= limit) {
      return refused_json(where_, fmt::format("the id of token \"{}\" is not a whole number below {}",
                                              utf8::beginning(text, 80), limit));
    }
    const auto index = static_cast<size_t>(number);
    Vocabulary& v = spec_.vocabulary;
    if (index >= v.tokens.size()) {
      v.tokens.resize(index + 1);
      v.types.resize(index + 1, TokenType::kUnused);
    }
    v.tokens[index] = text;
    v.types[index] = type;
    ids_[std::string(text)] = static_cast<TokenId>(index);
    return {};
  }

  static TokenType type_of(std::string_view text, bool byte_fallback) {
    return byte_fallback && byte_of_token(text) >= 0 ? TokenType::kByte : TokenType::kNormal;
  }

  Status read_vocabulary(const json::object& model, bool byte_fallback) {
    const json::object* vocab = json_object(model, "vocab");
    if (vocab == nullptr) return refused_json(where_, "there is no \"model.vocab\" object");
    ids_.reserve(vocab->size());
    for (const auto& [text, id] : *vocab) BP_TRY_VOID(put(text, id, type_of(text, byte_fallback), vocab->size()));
    return {};
  }

  Status read_added_tokens() {
    const json::array* added = json_array(root_, "added_tokens");
    if (added == nullptr) return {};
    const size_t n_entries = spec_.vocabulary.tokens.size() + added->size();
    for (const auto& token : *added) BP_TRY_VOID(read_added(token, n_entries));
    return {};
  }

  Status read_added(const json::value& value, size_t n_entries) {
    const json::object* token = value.if_object();
    const json::value* id = token != nullptr ? json_member(*token, "id") : nullptr;
    if (id == nullptr) return refused_json(where_, "an entry of \"added_tokens\" has no id");
    const std::string_view text = json_text(*token, "content");
    const bool special = json_flag(*token, "special");
    const bool in_model = ids_.contains(std::string(text));
    const TokenType plain = in_model ? TokenType::kUserDefined : TokenType::kAdded;
    BP_TRY_VOID(put(text, *id, special ? TokenType::kControl : plain, n_entries));
    const bool normalized = json_flag(*token, "normalized", !special);
    spec_.added.push_back({.id = static_cast<TokenId>(id->get_int64()),
                           .text = normalized ? spec_.normalizer.apply(text, true) : std::string(text),
                           .special = special,
                           .lstrip = json_flag(*token, "lstrip"),
                           .rstrip = json_flag(*token, "rstrip"),
                           .single_word = json_flag(*token, "single_word"),
                           .normalized = normalized});
    return {};
  }

  Status read_merges(const json::object& model) {
    const json::array* merges = json_array(model, "merges");
    if (merges == nullptr) return refused_json(where_, "there is no \"model.merges\" array");
    auto& out = spec_.vocabulary.merges;
    out.reserve(merges->size());
    for (const auto& merge : *merges) {
      const json::array* pair = merge.if_array();
      if (merge.is_string()) {
        out.emplace_back(merge.get_string());
      } else if (pair != nullptr && pair->size() == 2 && (*pair)[0].is_string() && (*pair)[1].is_string()) {
        out.push_back(std::string((*pair)[0].get_string()) + " " + std::string((*pair)[1].get_string()));
      } else {
        return refused_json(where_, "an entry of \"model.merges\" is no pair of tokens");
      }
    }
    return {};
  }

  Status read_post_processor(const json::object& node) {
    const std::string_view type = json_text(node, "type");
    if (type == "ByteLevel") return {};  // trims offsets only
    if (type == "TemplateProcessing") return read_template(node);
    if (type != "BertProcessing" && type != "RobertaProcessing")
      return unsupported_part("post_processor", type, where_);
    for (const auto& [key, ids] : {std::pair{"cls", &spec_.prefix_ids}, {"sep", &spec_.suffix_ids}}) {
      const json::array* pair = json_array(node, key);
      const json::value* text = pair != nullptr && pair->size() == 2 ? &(*pair)[0] : nullptr;
      if (text == nullptr || !text->is_string())
        return refused_json(where_, fmt::format("the post_processor's \"{}\" is no token with its id", key));
      BP_TRY(const TokenId id, known_id(std::string_view(text->get_string())));
      ids->push_back(id);
    }
    return {};
  }

  Status read_template(const json::object& node) {
    const json::array* single = json_array(node, "single");
    if (single == nullptr) return refused_json(where_, "the post_processor has no \"single\" template");
    const json::object* special_tokens = json_object(node, "special_tokens");
    bool before = true;
    for (const auto& part : *single) {
      const json::object* object = part.if_object();
      const json::object* special = object != nullptr ? json_object(*object, "SpecialToken") : nullptr;
      if (special == nullptr) {
        before = false;
        continue;
      }
      const std::string_view name = json_text(*special, "id");
      auto& ids = before ? spec_.prefix_ids : spec_.suffix_ids;
      const json::object* declared = special_tokens != nullptr ? json_object(*special_tokens, name) : nullptr;
      const json::array* tokens = declared != nullptr ? json_array(*declared, "tokens") : nullptr;
      if (tokens == nullptr) {
        BP_TRY(const TokenId id, known_id(name));
        ids.push_back(id);
        continue;
      }
      for (const json::value& token : *tokens) {
        BP_TRY(const TokenId id, known_id(token.is_string() ? std::string_view(token.get_string()) : ""));
        ids.push_back(id);
      }
    }
    return {};
  }

  Result<TokenId> known_id(std::string_view text) const {
    if (const auto id = id_of(text)) return *id;
    return refused_json(where_,
                        fmt::format("the post_processor adds an unknown token \"{}\"", utf8::beginning(text, 80)));
  }

  std::optional<TokenId> id_of(std::string_view text) const {
    const auto it = text.empty() ? ids_.end() : ids_.find(std::string(text));
    return it != ids_.end() ? std::optional(it->second) : std::nullopt;
  }

  // tokenizer_config.json writes a token as its text, or as an object with "content".
  std::optional<TokenId> config_token(const json::object& config, std::string_view key) const {
    const json::object* object = json_object(config, key);
    return id_of(object != nullptr ? json_text(*object, "content") : json_text(config, key));
  }

  void read_config(const json::object& config) {
    Vocabulary& v = spec_.vocabulary;
    v.bos = config_token(config, "bos_token");
    v.eos = config_token(config, "eos_token");
    v.pad = config_token(config, "pad_token");
    read_add(config, "add_bos_token", v.bos, spec_.prefix_ids);
    read_add(config, "add_eos_token", v.eos, spec_.suffix_ids);
  }

  // Llama's class makes its template anew from these flags; others may only add.
  static void read_add(const json::object& config, std::string_view key, std::optional<TokenId> id,
                       std::vector<TokenId>& ids) {
    if (!id) return;
    const bool there = std::ranges::find(ids, *id) != ids.end();
    const bool wanted = json_flag(config, key, there);
    if (wanted && !there) ids.push_back(*id);
    if (!wanted && json_text(config, "tokenizer_class").starts_with("Llama")) std::erase(ids, *id);
  }

  static constexpr double kAddedTokenScore = 0;

  const json::object& root_;
  std::string_view where_;
  std::unique_ptr<TokenizerSpec> owner_;
  TokenizerSpec& spec_;
  std::unordered_map<std::string, TokenId> ids_;
};

}  // namespace

Result<std::unique_ptr<TokenizerSpec>> spec_of_json(std::string_view tokenizer_json,
                                                    std::string_view tokenizer_config_json, std::string_view where) {
  BP_TRY(const json::value root, parse_json(tokenizer_json, where));
  if (!root.is_object()) return refused_json(where, "the document is no object");
  json::object config;
  if (!tokenizer_config_json.empty()) {
    BP_TRY(json::value value, parse_json(tokenizer_config_json, where));
    if (value.is_object()) config = std::move(value.get_object());
  }
  return Reader(root.get_object(), where).read(config);
}

}  // namespace bp
