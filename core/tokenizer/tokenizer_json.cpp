#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "tokenizer/json_access.h"
#include "tokenizer/token_table.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_spec.h"

namespace bp {
namespace {

std::unexpected<Error> refused(std::string_view where, std::string what) {
  return fail(ErrorCode::kRefused, std::string(where), std::move(what), "the file is damaged or no tokenizer.json");
}

std::unexpected<Error> unsupported(std::string_view where, std::string what) {
  return fail(ErrorCode::kUnsupported, std::string(where), std::move(what),
              "supported: byte-level BPE (model type BPE, pre-tokenizer ByteLevel)");
}

class Reader {
 public:
  Reader(const json::object& root, std::string_view where) : root_(root), where_(where) {}

  Result<TokenizerSpec> read(const json::object& config) {
    const json::object* model = json_object(root_, "model");
    if (model == nullptr) return refused(where_, "there is no \"model\" object");
    BP_TRY_VOID(check_model(*model));
    BP_TRY_VOID(read_tokens(*model));
    BP_TRY_VOID(read_merges(*model));
    BP_TRY_VOID(read_json_pipeline(root_, spec_, where_));
    if (const json::object* post = json_object(root_, "post_processor")) BP_TRY_VOID(read_post_processor(*post, 0));
    read_config(config);
    return std::move(spec_);
  }

 private:
  Status check_model(const json::object& model) {
    const std::string_view type = json_text(model, "type");
    // Files of the first versions name no type.
    if (type != "BPE" && !(type.empty() && model.contains("merges"))) {
      return unsupported(where_, fmt::format("tokenizer model \"{}\" is not supported", type.substr(0, 80)));
    }
    for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!json_text(model, key).empty()) return unsupported(where_, fmt::format("model.{} is not supported", key));
    }
    if (json_flag(model, "byte_fallback")) return unsupported(where_, "model.byte_fallback is not supported");
    spec_.vocabulary.model = "gpt2";
    spec_.vocabulary.ignore_merges = json_flag(model, "ignore_merges");
    return {};
  }

  Status put(std::string_view text, const json::value& id, TokenType type, size_t n_entries) {
    // Ids may have holes, but a few entries must not claim a huge table.
    const size_t limit = std::min(TokenTable::kMaxTokens, n_entries * 2 + 65536);
    const auto number = id.is_int64() ? id.get_int64() : -1;
    if (number < 0 || static_cast<size_t>(number) >= limit) {
      return refused(where_,
                     fmt::format("the id of token \"{}\" is not a whole number below {}", text.substr(0, 80), limit));
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

  Status read_tokens(const json::object& model) {
    const json::object* vocab = json_object(model, "vocab");
    if (vocab == nullptr) return refused(where_, "there is no \"model.vocab\" object");
    const json::array* added = json_array(root_, "added_tokens");
    const size_t n_entries = vocab->size() + (added != nullptr ? added->size() : 0);
    ids_.reserve(n_entries);
    for (const auto& [text, id] : *vocab) BP_TRY_VOID(put(text, id, TokenType::kNormal, n_entries));
    if (added != nullptr) {
      for (const auto& token : *added) BP_TRY_VOID(read_added(token, n_entries));
    }
    if (const auto unknown = id_of(json_text(model, "unk_token"))) {
      spec_.vocabulary.unk = unknown;
      spec_.emit_unknown = true;
    }
    return {};
  }

  Status read_added(const json::value& value, size_t n_entries) {
    const json::object* token = value.if_object();
    const json::value* id = token != nullptr ? json_member(*token, "id") : nullptr;
    if (id == nullptr) return refused(where_, "an entry of \"added_tokens\" has no id");
    const std::string_view text = json_text(*token, "content");
    const bool special = json_flag(*token, "special");
    BP_TRY_VOID(put(text, *id, special ? TokenType::kControl : TokenType::kUserDefined, n_entries));
    spec_.added.push_back({.id = static_cast<TokenId>(id->get_int64()),
                           .text = std::string(text),
                           .special = special,
                           .lstrip = json_flag(*token, "lstrip"),
                           .rstrip = json_flag(*token, "rstrip"),
                           .single_word = json_flag(*token, "single_word"),
                           .normalized = json_flag(*token, "normalized", !special)});
    return {};
  }

  Status read_merges(const json::object& model) {
    const json::array* merges = json_array(model, "merges");
    if (merges == nullptr) return refused(where_, "there is no \"model.merges\" array");
    auto& out = spec_.vocabulary.merges;
    out.reserve(merges->size());
    for (const auto& merge : *merges) {
      const json::array* pair = merge.if_array();
      if (merge.is_string()) {
        out.emplace_back(merge.get_string());
      } else if (pair != nullptr && pair->size() == 2 && (*pair)[0].is_string() && (*pair)[1].is_string()) {
        out.push_back(std::string((*pair)[0].get_string()) + " " + std::string((*pair)[1].get_string()));
      } else {
        return refused(where_, "an entry of \"model.merges\" is no pair of tokens");
      }
    }
    return {};
  }

  Status read_post_processor(const json::object& node, int depth) {
    const std::string_view type = json_text(node, "type");
    if (type == "ByteLevel") return {};  // trims offsets only
    if (type == "TemplateProcessing") return read_template(node);
    const json::array* parts = json_array(node, "processors");
    if (type != "Sequence" || parts == nullptr || depth >= 8) {
      return unsupported(where_, fmt::format("post_processor \"{}\" is not supported", type.substr(0, 80)));
    }
    for (const auto& part : *parts) {
      if (part.is_object()) BP_TRY_VOID(read_post_processor(part.get_object(), depth + 1));
    }
    return {};
  }

  Status read_template(const json::object& node) {
    const json::array* single = json_array(node, "single");
    if (single == nullptr) return refused(where_, "the post_processor has no \"single\" template");
    bool before = true;
    for (const auto& part : *single) {
      const json::object* object = part.if_object();
      const json::object* special = object != nullptr ? json_object(*object, "SpecialToken") : nullptr;
      if (special == nullptr) {
        before = false;
        continue;
      }
      const std::string_view text = json_text(*special, "id");
      const auto id = id_of(text);
      if (!id)
        return refused(where_, fmt::format("the post_processor adds an unknown token \"{}\"", text.substr(0, 80)));
      (before ? spec_.prefix_ids : spec_.suffix_ids).push_back(*id);
    }
    return {};
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
    const auto add = [](const std::optional<TokenId>& id, std::vector<TokenId>& ids) {
      if (id && std::ranges::find(ids, *id) == ids.end()) ids.push_back(*id);
    };
    if (json_flag(config, "add_bos_token")) add(v.bos, spec_.prefix_ids);
    if (json_flag(config, "add_eos_token")) add(v.eos, spec_.suffix_ids);
    v.add_bos = !spec_.prefix_ids.empty();
    v.add_eos = !spec_.suffix_ids.empty();
  }

  const json::object& root_;
  std::string_view where_;
  TokenizerSpec spec_;
  std::unordered_map<std::string, TokenId> ids_;
};

}  // namespace

Result<Tokenizer> Tokenizer::from_json(std::string_view tokenizer_json, std::string_view tokenizer_config_json,
                                       std::string_view where) {
  BP_TRY(const json::value root, parse_json(tokenizer_json, where));
  if (!root.is_object()) return refused(where, "the document is no object");
  json::object config;
  if (!tokenizer_config_json.empty()) {
    BP_TRY(json::value value, parse_json(tokenizer_config_json, where));
    if (value.is_object()) config = std::move(value.get_object());
  }
  BP_TRY(TokenizerSpec spec, Reader(root.get_object(), where).read(config));
  return build(std::move(spec), where);
}

}  // namespace bp
