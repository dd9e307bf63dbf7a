#include "tokenizer/json_of_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <vector>

#include "tokenizer/file_classes.h"
#include "tokenizer/json_access.h"
#include "tokenizer/json_pipeline.h"
#include "tokenizer/pre_tokenizer_patterns.h"

namespace bp {
namespace {

// The lines of a text, without their ends.
template <class OnLine>
void for_each_line(std::string_view text, OnLine on_line) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    on_line(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

class Writer {
 public:
  Writer(TokenizerFiles files, std::string_view where) : files_(std::move(files)), where_(where) {}

  Result<TokenizerDocuments> write() {
    const VocabularyFile file = files_.vocab_json.empty() ? VocabularyFile::kWords : VocabularyFile::kMerges;
    BP_TRY(class_, file_class(json_text(files_.tokenizer_config, "tokenizer_class"), files_.model_type, file, where_));
    if (file == VocabularyFile::kMerges) {
      BP_TRY_VOID(read_merges());
      describe_bytes();
    } else {
      read_words();
      describe_words();
    }
    BP_TRY_VOID(read_added());
    name_tokens();
    add_ends();
    json::array added;
    for (json::object& token : added_) added.emplace_back(std::move(token));
    root_["added_tokens"] = std::move(added);
    root_["model"] = std::move(model_);
    return TokenizerDocuments{std::move(root_), std::move(files_.tokenizer_config)};
  }

 private:
  // {"the": 262, …} and lines of "t h".
  Status read_merges() {
    BP_TRY(json::value vocab, parse_json(files_.vocab_json, where_));
    if (!vocab.is_object()) return refused_json(where_, "the document is no object");
    json::array merges;
    for_each_line(files_.merges_txt, [&](std::string_view line) {
      if (!line.empty() && !line.starts_with("#version")) merges.emplace_back(line);
    });
    model_["type"] = "BPE";
    model_["vocab"] = std::move(vocab);
    model_["merges"] = std::move(merges);
    return {};
  }

  // A token a line, numbered from 0.
  void read_words() {
    json::object vocab;
    int64_t id = 0;
    for_each_line(files_.vocab_txt, [&](std::string_view line) { vocab[line] = id++; });
    model_["type"] = "WordPiece";
    model_["vocab"] = std::move(vocab);
    model_["continuing_subword_prefix"] = "##";
    model_["max_input_chars_per_word"] = 100;
  }

  void describe_bytes() {
    const bool prefix_space = json_flag(files_.tokenizer_config, "add_prefix_space");
    json::array steps;
    if (class_->qwen2) {
      root_["normalizer"] = json::object{{"type", "NFC"}};
      steps.emplace_back(json::object{{"type", "Split"},
                                      {"pattern", json::object{{"Regex", pattern::kQwen2}}},
                                      {"behavior", "Isolated"},
                                      {"invert", false}});
    }
    steps.emplace_back(
        json::object{{"type", "ByteLevel"}, {"add_prefix_space", prefix_space}, {"use_regex", !class_->qwen2}});
    root_["pre_tokenizer"] = json::object{{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
    root_["decoder"] = json::object{{"type", "ByteLevel"}};
  }

  void describe_words() {
    const json::object& config = files_.tokenizer_config;
    json::object normalizer = {{"type", "BertNormalizer"},
                               {"clean_text", true},
                               {"handle_chinese_chars", json_flag(config, "tokenize_chinese_chars", true)},
                               {"lowercase", json_flag(config, "do_lower_case", true)}};
    if (const json::value* strip = json_member(config, "strip_accents")) normalizer["strip_accents"] = *strip;
    root_["normalizer"] = std::move(normalizer);
    root_["pre_tokenizer"] = json::object{{"type", "BertPreTokenizer"}};
    root_["decoder"] = json::object{{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  }

  Status read_added() {
    if (const json::object* decoder = json_object(files_.tokenizer_config, "added_tokens_decoder")) {
      for (const auto& [key, value] : *decoder) {
        int64_t id = -1;
        const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
        const json::object* token = value.if_object();
        if (error != std::errc() || end != key.data() + key.size() || token == nullptr)
          return refused_json(where_, fmt::format("added_tokens_decoder has no token \"{}\"", std::string_view(key)));
        add(json_text(*token, "content"), id, *token);
      }
    }
    for (const auto& [text, id] : files_.added_tokens) {
      if (!id.is_int64())
        return refused_json(where_, fmt::format("added token \"{}\" has no id", std::string_view(text)));
      add(text, id.get_int64(), {});
    }
    return {};
  }

  bool is_added(std::string_view text) const { return added_at_.contains(text); }

  // `flags`: lstrip and so on.
  void add(std::string_view text, int64_t id, const json::object& flags) {
    if (text.empty() || !added_at_.emplace(text, added_.size()).second) return;
    json::object& token = added_.emplace_back(json::object{{"id", id}, {"content", text}});
    for (const char* flag : {"special", "lstrip", "rstrip", "single_word", "normalized"})
      token[flag] = json_flag(flags, flag);
  }

  std::optional<int64_t> id_of(std::string_view text) const {
    const json::object* vocab = json_object(model_, "vocab");
    const json::value* id = vocab != nullptr ? json_member(*vocab, text) : nullptr;
    return id != nullptr && id->is_int64() ? std::optional(id->get_int64()) : std::nullopt;
  }

  // The text of a token that a file names, as itself or as an object with "content".
  static std::string named(const json::object& file, std::string_view key) {
    const json::object* object = json_object(file, key);
    return std::string(object != nullptr ? json_text(*object, "content") : json_text(file, key));
  }

  // Special tokens are found in a text; what the configuration leaves out is filled in.
  void name_tokens() {
    for (size_t i = 0; i < kTokenRoles.size(); ++i) {
      const std::string key = fmt::format("{}_token", kTokenRoles[i]);
      std::string text = named(files_.tokenizer_config, key);
      if (text.empty()) text = named(files_.special_tokens_map, key);
      if (text.empty() && !files_.tokenizer_config.contains(key)) text = class_->tokens[i];
      if (text.empty()) continue;
      files_.tokenizer_config[key] = text;
      // BERT's mask alone leaves the white space before it.
      make_special(
          text, kTokenRoles[i] == "mask" && (class_->file == VocabularyFile::kMerges || class_->tokens[i] == "<mask>"));
      if (kTokenRoles[i] == "unk" && class_->file == VocabularyFile::kWords) model_["unk_token"] = text;
    }
    for (const json::object* file : {&files_.tokenizer_config, &files_.special_tokens_map}) {
      const json::array* others = json_array(*file, "additional_special_tokens");
      if (others == nullptr) continue;
      for (const json::value& other : *others) {
        if (const json::string* text = other.if_string()) make_special(*text, false);
        if (const json::object* token = other.if_object()) make_special(json_text(*token, "content"), false);
      }
    }
  }

  // Tokens without an id are none of this vocabulary.
  void make_special(std::string_view text, bool lstrip) {
    if (const auto known = added_at_.find(text); known != added_at_.end()) {
      added_[known->second]["special"] = true;
    } else if (const auto id = id_of(text)) {
      add(text, *id, json::object{{"special", true}, {"lstrip", lstrip}});
    }
  }

  void add_ends() {
    json::array single;
    const auto put = [&](std::string_view role) {
      const std::string text = role.empty() ? "" : named(files_.tokenizer_config, fmt::format("{}_token", role));
      if (!id_of(text) && !is_added(text)) return;
      single.emplace_back(json::object{{"SpecialToken", json::object{{"id", text}, {"type_id", 0}}}});
    };
    put(class_->prefix);
    single.emplace_back(json::object{{"Sequence", json::object{{"id", "A"}, {"type_id", 0}}}});
    put(class_->suffix);
    root_["post_processor"] = json::object{{"type", "TemplateProcessing"}, {"single", std::move(single)}};
  }

  TokenizerFiles files_;
  std::string_view where_;
  const FileClass* class_ = nullptr;
  json::object root_, model_;
  std::vector<json::object> added_;
  std::map<std::string, size_t, std::less<>> added_at_;  // by text
};

}  // namespace

Result<TokenizerDocuments> json_of_files(TokenizerFiles files, std::string_view where) {
  return Writer(std::move(files), where).write();
}

}  // namespace bp
