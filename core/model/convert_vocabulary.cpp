#include "model/convert_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/mapped_file.h"
#include "model/json_vocabulary.h"
#include "tokenizer/tokenizer_folder.h"

namespace bp {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;

struct SpecialToken {
  std::string_view name;  // in tokenizer_config.json with "_token", in config.json with "_token_id"
  std::string_view key;   // GGUF's, spelt as it is
};
constexpr SpecialToken kSpecial[] = {
    {"bos", "bos_token_id"},     {"eos", "eos_token_id"}, {"unk", "unknown_token_id"}, {"sep", "seperator_token_id"},
    {"pad", "padding_token_id"}, {"cls", "cls_token_id"}, {"mask", "mask_token_id"}};

std::string tokenizer_key(std::string_view name) { return fmt::format("tokenizer.ggml.{}", name); }

class Folder {
 public:
  static Result<Folder> read(const std::string& path) {
    Folder folder;
    BP_TRY(folder.config, read_object(path + "/config.json"));
    BP_TRY(folder.generation, read_object(path + "/generation_config.json"));
    BP_TRY(folder.tokenizer_config, read_object(path + "/tokenizer_config.json"));
    const std::string jinja = path + "/chat_template.jinja";
    std::error_code error;
    if (std::filesystem::is_regular_file(jinja, error)) {
      BP_TRY(folder.chat_template, read_text_file(jinja, kMaxFileBytes));
    }
    return folder;
  }

  // Empty where there is no such file.
  static Result<json::object> read_object(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) return json::object();
    BP_TRY(const auto text, read_text_file(path, kMaxFileBytes));
    BP_TRY(const auto value, parse_json(text, path));
    if (value.is_object()) return value.get_object();
    return fail(ErrorCode::kRefused, path, "is no JSON object", "download the file again");
  }

  json::object config, generation, tokenizer_config;
  std::string chat_template;
};

// The text of a special token: "<s>", or {"content": "<s>", …}.
std::string token_text(const json::object& config, const std::string& key) {
  const json::value* value = config.if_contains(key);
  if (value != nullptr && value->is_object()) value = value->get_object().if_contains("content");
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<int64_t> id_in(const json::object& config, const std::string& key) {
  const json::value* value = config.if_contains(key);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return std::nullopt;
  return value->get_int64();
}

using Ids = std::map<std::string, int64_t, std::less<>>;  // "bos" -> 1

Ids special_ids(const Folder& folder, const JsonVocabulary& vocabulary) {
  Ids ids;
  const auto count = static_cast<int64_t>(vocabulary.tokens.size());
  for (const auto& [name, key] : kSpecial) {
    const std::string text = token_text(folder.tokenizer_config, fmt::format("{}_token", name));
    std::optional<int64_t> id = text.empty() ? std::nullopt : vocabulary.id_of(text);
    if (!id) id = id_in(folder.config, fmt::format("{}_token_id", name));
    if (id && *id < count) ids.emplace(name, *id);
  }
  if (!ids.contains("bos") && ids.contains("cls")) ids.emplace("bos", ids.at("cls"));
  if (!ids.contains("eos") && ids.contains("sep")) ids.emplace("eos", ids.at("sep"));
  return ids;
}

// Tokens that end a turn besides the one that ends a text.
std::vector<int64_t> further_ends(const Folder& folder, const Ids& ids, size_t n_tokens) {
  std::vector<int64_t> ends;
  for (const json::object* file : {&folder.generation, &folder.config}) {
    const json::value* listed = file->if_contains("eos_token_id");
    if (listed == nullptr || !listed->is_array()) continue;
    for (const json::value& id : listed->get_array()) {
      if (!id.is_int64() || id.get_int64() < 0 || static_cast<size_t>(id.get_int64()) >= n_tokens) continue;
      const bool known = ids.contains("eos") && ids.at("eos") == id.get_int64();
      if (!known && std::ranges::find(ends, id.get_int64()) == ends.end()) ends.push_back(id.get_int64());
    }
    break;
  }
  return ends;
}

void write_special(const Folder& folder, const JsonVocabulary& vocabulary, GgufEntries& entries) {
  const Ids ids = special_ids(folder, vocabulary);
  for (const auto& [name, key] : kSpecial) {
    if (ids.contains(name)) entries.set_u32(tokenizer_key(key), static_cast<uint32_t>(ids.find(name)->second));
  }
  const std::vector<int64_t> ends = further_ends(folder, ids, vocabulary.tokens.size());
  if (!ids.contains("eos") && !ends.empty()) {
    entries.set_u32(tokenizer_key("eos_token_id"), static_cast<uint32_t>(ends[0]));
  }
  if (!ends.empty()) entries.set_u32(tokenizer_key("eot_token_id"), static_cast<uint32_t>(ends[0]));
  if (ends.size() > 1) entries.set_u32(tokenizer_key("eom_token_id"), static_cast<uint32_t>(ends[1]));

  // The pipeline itself says what it adds; the configuration overrules it.
  for (const auto& [name, first] : {std::pair("bos", true), std::pair("eos", false)}) {
    std::optional<bool> adds;
    const std::optional<int64_t> added = first ? vocabulary.first_added : vocabulary.last_added;
    if (vocabulary.has_template) adds = added && ids.contains(name) && *added == ids.find(name)->second;
    const json::value* says = folder.tokenizer_config.if_contains(fmt::format("add_{}_token", name));
    if (says != nullptr && says->is_bool()) adds = says->get_bool();
    if (adds) entries.set_bool(tokenizer_key(fmt::format("add_{}_token", name)), *adds);
  }
}

// A text, or a list of {name, template}, of which "default" is the one.
void write_chat_template(const Folder& folder, GgufEntries& entries) {
  if (!folder.chat_template.empty()) return entries.set_text("tokenizer.chat_template", folder.chat_template);
  const json::value* value = folder.tokenizer_config.if_contains("chat_template");
  if (value == nullptr) return;
  if (value->is_string()) return entries.set_text("tokenizer.chat_template", std::string(value->get_string()));
  if (!value->is_array()) return;
  std::vector<std::string> others;
  for (const json::value& item : value->get_array()) {
    if (!item.is_object()) continue;
    const std::string name = token_text(item.get_object(), "name");
    const std::string text = token_text(item.get_object(), "template");
    if (name == "default") {
      entries.set_text("tokenizer.chat_template", text);
    } else if (!name.empty()) {
      entries.set_text("tokenizer.chat_template." + name, text);
      others.push_back(name);
    }
  }
  if (!others.empty()) entries.set_texts("tokenizer.chat_templates", others);
}

void write_tokens(const JsonVocabulary& vocabulary, GgufEntries& entries) {
  entries.set_text(tokenizer_key("model"), vocabulary.model);
  entries.set_text(tokenizer_key("pre"), vocabulary.pre);
  entries.set_texts(tokenizer_key("tokens"), vocabulary.tokens);
  if (!vocabulary.scores.empty()) entries.set_f32s(tokenizer_key("scores"), vocabulary.scores);
  entries.set_i32s(tokenizer_key("token_type"), vocabulary.types);
  if (!vocabulary.merges.empty()) entries.set_texts(tokenizer_key("merges"), vocabulary.merges);
  if (vocabulary.add_space_prefix) entries.set_bool(tokenizer_key("add_space_prefix"), *vocabulary.add_space_prefix);
}

// SentencePiece's own terms are GGUF's.
Status write_sentence_piece(const Vocabulary& v, const std::string& folder, int64_t n_tokens, GgufEntries& entries) {
  if (v.space_as_suffix) {
    return fail(ErrorCode::kUnsupported, folder, "GGUF cannot express a SentencePiece model with spaces behind words",
                "run the model from its folder");
  }
  std::vector<std::string> tokens = v.tokens;
  std::vector<float> scores = v.scores;
  std::vector<int32_t> types;
  for (const TokenType type : v.types) {
    types.push_back(static_cast<int32_t>(type == TokenType::kAdded ? TokenType::kUserDefined : type));
  }
  for (int64_t i = std::ssize(tokens); i < n_tokens; ++i) {
    tokens.push_back(fmt::format("[PAD{}]", i));
    scores.push_back(0);
    types.push_back(static_cast<int32_t>(TokenType::kUnused));
  }
  entries.set_text(tokenizer_key("model"), v.model);
  entries.set_text(tokenizer_key("pre"), "default");
  entries.set_texts(tokenizer_key("tokens"), tokens);
  entries.set_f32s(tokenizer_key("scores"), scores);
  entries.set_i32s(tokenizer_key("token_type"), types);
  for (const auto& [key, id] : {std::pair("bos_token_id", v.bos), std::pair("eos_token_id", v.eos),
                                std::pair("unknown_token_id", v.unk), std::pair("padding_token_id", v.pad),
                                std::pair("cls_token_id", v.cls), std::pair("seperator_token_id", v.sep)}) {
    if (id) entries.set_u32(tokenizer_key(key), static_cast<uint32_t>(*id));
  }
  for (const auto& [key, flag] : {std::pair("add_bos_token", v.add_bos), std::pair("add_eos_token", v.add_eos),
                                  std::pair("add_space_prefix", v.add_space_prefix),
                                  std::pair("remove_extra_whitespaces", v.remove_extra_spaces)}) {
    if (flag) entries.set_bool(tokenizer_key(key), *flag);
  }
  if (!v.chars_map.empty()) entries.set_u8s(tokenizer_key("precompiled_charsmap"), v.chars_map);
  return {};
}

}  // namespace

Status vocabulary_to_gguf(const std::string& folder, int64_t n_tokens, GgufEntries& entries,
                          std::vector<std::string>& notes) {
  const std::string path = folder + "/tokenizer.json";
  BP_TRY(Folder files, Folder::read(folder));
  write_chat_template(files, entries);
  std::error_code error;
  json::object document;
  if (std::filesystem::is_regular_file(path, error)) {
    BP_TRY(document, Folder::read_object(path));
  } else {
    BP_TRY(const auto sentence_piece, sentence_piece_of_folder(folder));
    if (sentence_piece) return write_sentence_piece(*sentence_piece, folder, n_tokens, entries);
    BP_TRY(auto documents, documents_of_folder(folder));
    if (!documents) {
      notes.push_back(fmt::format("{} has no tokenizer: the file has no vocabulary", folder));
      return {};
    }
    document = std::move(documents->tokenizer);
    files.tokenizer_config = std::move(documents->tokenizer_config);
  }
  BP_TRY(const JsonVocabulary vocabulary, read_json_vocabulary(document, n_tokens, path));
  write_tokens(vocabulary, entries);
  write_special(files, vocabulary, entries);
  return {};
}

}  // namespace bp
