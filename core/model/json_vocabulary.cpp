#include "model/json_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/pre_tokenizer_name.h"

namespace bp {
namespace {

constexpr int64_t kMaxTokens = 4'000'000;
constexpr std::string_view kSpaceMark = "\u2581";
enum TokenKind : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

const json::object* object_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}
const json::array* array_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_array() ? &value->get_array() : nullptr;
}
std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}
bool flag_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

bool is_byte(std::string_view token) { return token.size() == 6 && token.starts_with("<0x") && token.ends_with('>'); }

// Added tokens that are not marked special and yet are no text.
bool looks_special(std::string_view token) {
  return (token.starts_with("<|") && token.ends_with("|>")) || token.starts_with("<\uff5c") ||
         (token.starts_with("<unused") && token.ends_with('>')) || token == "<pad>" || token == "<mask>" ||
         token == "[@BOS@]";
}

class Reader {
 public:
  Reader(const json::object& document, const std::string& where) : document_(document), where_(where) {}

  Result<JsonVocabulary> read(int64_t n_tokens) {
    model_ = object_of(document_, "model");
    if (model_ == nullptr) return refuse("has no model");
    BP_TRY_VOID(choose_model());
    BP_TRY_VOID(read_vocab());
    BP_TRY_VOID(read_added());
    BP_TRY_VOID(make_room(n_tokens - 1));
    if (out_.model == "gpt2" || out_.model == "llama") BP_TRY_VOID(read_merges());
    if (out_.model == "llama") mark_bytes();
    mark_unknown();
    read_space_prefix();
    read_template();
    return std::move(out_);
  }

 private:
  std::unexpected<Error> refuse(std::string what) const {
    return fail(ErrorCode::kRefused, where_, std::move(what), "download the file again");
  }

  // Old files leave the type out.
  std::string type() const {
    std::string type = text_of(*model_, "type");
    if (type.empty()) type = model_->if_contains("merges") != nullptr ? "BPE" : "WordPiece";
    return type;
  }

  Status choose_model() {
    const std::string kind = type();
    if (kind == "BPE" && (flag_of(*model_, "byte_fallback") || !is_byte_level())) {
      out_.model = "llama";
      out_.pre = "default";
    } else if (kind == "BPE") {
      out_.model = "gpt2";
      const auto name = gguf_pre_tokenizer_name(document_);
      if (!name) {
        return fail(ErrorCode::kUnsupported, where_,
                    fmt::format("splits texts in a way that GGUF has no name for ({})", pre_tokenizer_text(document_)),
                    "run the model from its folder");
      }
      out_.pre = *name;
    } else if (kind == "Unigram") {
      out_.model = "t5";
      out_.pre = "default";
    } else if (kind == "WordPiece") {
      out_.model = "bert";
      out_.pre = "bert-bge";
    } else {
      return fail(ErrorCode::kUnsupported, where_, fmt::format("tokenizer model \"{}\" has no form in GGUF", kind),
                  "run the model from its folder");
    }
    return {};
  }

  bool is_byte_level() const {
    const json::value* pre = document_.if_contains("pre_tokenizer");
    const json::value* decoder = document_.if_contains("decoder");
    const auto names = [](const json::value* value) {
      return value != nullptr && write_json(*value).find("\"ByteLevel\"") != std::string::npos;
    };
    return names(pre) || names(decoder);
  }

  // Up to and with `id`.
  Status make_room(int64_t id) {
    if (id >= kMaxTokens) return refuse(fmt::format("has a token of id {}", id));
    for (auto i = static_cast<int64_t>(out_.tokens.size()); i <= id; ++i) {
      out_.tokens.push_back(fmt::format("[PAD{}]", i));
      out_.types.push_back(kUnused);
    }
    return {};
  }

  Status set(const std::string& text, int64_t id, TokenKind kind) {
    if (id < 0) return refuse(fmt::format("has a token of id {}", id));
    BP_TRY_VOID(make_room(id));
    out_.ids[text] = id;
    out_.tokens[static_cast<size_t>(id)] = out_.model == "bert" && kind == kNormal ? word_piece(text) : text;
    out_.types[static_cast<size_t>(id)] = kind;
    return {};
  }

  // GGUF marks the beginnings of words, not their continuations.
  static std::string word_piece(std::string_view token) {
    if (token.starts_with('[') && token.ends_with(']')) return std::string(token);
    return token.starts_with("##") ? std::string(token.substr(2)) : std::string(kSpaceMark) + std::string(token);
  }

  Status read_vocab() {
    if (out_.model == "t5") return read_pieces();
    const json::object* vocab = object_of(*model_, "vocab");
    if (vocab == nullptr) return refuse("has no vocabulary");
    for (const auto& [text, id] : *vocab) {
      if (!id.is_int64()) return refuse(fmt::format("token {} has no id", write_json_string(text)));
      BP_TRY_VOID(set(std::string(text), id.get_int64(), kNormal));
    }
    return {};
  }

  // [["▁the", -3.5], …]
  Status read_pieces() {
    const json::array* vocab = array_of(*model_, "vocab");
    if (vocab == nullptr) return refuse("has no vocabulary");
    for (const json::value& piece : *vocab) {
      if (!piece.is_array() || piece.get_array().size() != 2 || !piece.get_array()[0].is_string() ||
          !piece.get_array()[1].is_number()) {
        return refuse("has a piece without a score");
      }
      const auto id = static_cast<int64_t>(out_.scores.size());
      BP_TRY_VOID(set(std::string(piece.get_array()[0].get_string()), id, kNormal));
      out_.scores.push_back(static_cast<float>(piece.get_array()[1].to_number<double>()));
    }
    return {};
  }

  Status read_added() {
    const json::array* added = array_of(document_, "added_tokens");
    if (added == nullptr) return {};
    for (const json::value& entry : *added) {
      if (!entry.is_object()) return refuse("has an added token that is no object");
      const json::object& token = entry.get_object();
      const json::value* id = token.if_contains("id");
      std::string text = text_of(token, "content");
      if (id == nullptr || !id->is_int64() || text.empty()) return refuse("has an added token without id or text");
      const bool special = flag_of(token, "special") || looks_special(text);
      BP_TRY_VOID(set(text, id->get_int64(), special ? kControl : kUserDefined));
      if (!special) replace_all(out_.tokens[static_cast<size_t>(id->get_int64())], kSpaceMark, " ");
    }
    return {};
  }

  // "a b" or ["a", "b"]. SentencePiece's order becomes scores: the earlier a merge, the higher its token.
  Status read_merges() {
    const json::array* merges = array_of(*model_, "merges");
    if (merges == nullptr) return refuse("has no merges");
    if (out_.model == "llama") {
      out_.scores.assign(out_.tokens.size(), -static_cast<float>(merges->size()));
    }
    float rank = 0;
    for (const json::value& merge : *merges) {
      BP_TRY(const auto pair, merge_of(merge));
      if (out_.model == "llama") {
        const auto id = out_.id_of(pair.first + pair.second);
        if (id) out_.scores[static_cast<size_t>(*id)] = std::max(out_.scores[static_cast<size_t>(*id)], -rank);
      } else {
        out_.merges.push_back(pair.first + " " + pair.second);
      }
      ++rank;
    }
    return {};
  }

  Result<std::pair<std::string, std::string>> merge_of(const json::value& merge) const {
    if (merge.is_array() && merge.get_array().size() == 2 && merge.get_array()[0].is_string() &&
        merge.get_array()[1].is_string()) {
      std::pair<std::string, std::string> pair(merge.get_array()[0].get_string(), merge.get_array()[1].get_string());
      // Byte-level texts write a space as U+0120; one that is meant as such would end the first part.
      if (out_.model == "gpt2") {
        replace_all(pair.first, " ", "\u0120");
        replace_all(pair.second, " ", "\u0120");
      }
      return pair;
    }
    if (merge.is_string()) {
      const std::string_view text = merge.get_string();
      const size_t space = text.find(' ', 1);
      if (space != std::string_view::npos)
        return std::pair(std::string(text.substr(0, space)), std::string(text.substr(space + 1)));
    }
    return refuse(fmt::format("has the merge {}", write_json(merge)));
  }

  void mark_bytes() {
    for (size_t i = 0; i < out_.tokens.size(); ++i) {
      if (is_byte(out_.tokens[i])) out_.types[i] = kByte;
    }
  }

  void mark_unknown() {
    std::optional<int64_t> id = out_.id_of(text_of(*model_, "unk_token"));
    const json::value* number = model_->if_contains("unk_id");
    if (number != nullptr && number->is_int64()) id = number->get_int64();
    if (out_.model == "gpt2" || !id || *id < 0 || *id >= static_cast<int64_t>(out_.types.size())) return;
    out_.types[static_cast<size_t>(*id)] = kUnknown;
    out_.scores.resize(out_.model == "bert" ? 0 : out_.tokens.size(), 0.0f);
  }

  void read_space_prefix() {
    if (out_.model != "llama" && out_.model != "t5") return;
    const json::value* normalizer = document_.if_contains("normalizer");
    const json::value* pre = document_.if_contains("pre_tokenizer");
    const std::string steps =
        (normalizer == nullptr ? "" : write_json(*normalizer)) + (pre == nullptr ? "" : write_json(*pre));
    out_.add_space_prefix = steps.find("\"Prepend\"") != std::string::npos ||
                            (steps.find("\"Metaspace\"") != std::string::npos &&
                             steps.find("\"prepend_scheme\": \"never\"") == std::string::npos &&
                             steps.find("\"add_prefix_space\": false") == std::string::npos);
    out_.scores.resize(out_.tokens.size(), 0.0f);
  }

  // What "single" of a TemplateProcessing puts before and behind a text.
  void read_template() {
    const json::object* post = object_of(document_, "post_processor");
    if (post == nullptr) return;
    std::vector<const json::object*> steps = {post};
    if (const json::array* inner = array_of(*post, "processors")) {
      for (const json::value& step : *inner) {
        if (step.is_object()) steps.push_back(&step.get_object());
      }
    }
    for (const json::object* step : steps) {
      const std::string kind = text_of(*step, "type");
      const json::array* single = array_of(*step, "single");
      if (kind != "TemplateProcessing" || single == nullptr || single->empty()) continue;
      out_.has_template = true;
      out_.first_added = special_id(single->front());
      out_.last_added = single->size() > 1 ? special_id(single->back()) : std::nullopt;
    }
  }

  std::optional<int64_t> special_id(const json::value& item) const {
    const json::object* special = item.is_object() ? object_of(item.get_object(), "SpecialToken") : nullptr;
    return special == nullptr ? std::nullopt : out_.id_of(text_of(*special, "id"));
  }

  const json::object& document_;
  const std::string& where_;
  const json::object* model_ = nullptr;
  JsonVocabulary out_;
};

}  // namespace

Result<JsonVocabulary> read_json_vocabulary(const json::object& document, int64_t n_tokens, const std::string& where) {
  return Reader(document, where).read(n_tokens);
}

}  // namespace bp
