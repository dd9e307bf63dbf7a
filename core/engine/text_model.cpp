#include "engine/text_model.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/mapped_file.h"
#include "model/gguf.h"
#include "tokenizer/tokenizer_folder.h"

namespace bp {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMaxConfigBytes = size_t{16} << 20;
constexpr const char* kNoTemplate = "has no chat template";

std::optional<TokenId> id_of(const GgufMetadata& metadata, const char* key) { return metadata.find<int32_t>(key); }

Result<std::optional<bool>> flag_of(const GgufMetadata& metadata, const char* key) {
  if (!metadata.has(key)) return std::nullopt;
  BP_TRY(const bool flag, metadata.get<bool>(key));
  return flag;
}

// An array of bytes, signed or not; empty where it is missing.
Result<std::string> bytes_of(const GgufMetadata& metadata, const char* key) {
  const GgufValue* value = metadata.find_value(key);
  if (value == nullptr) return std::string();
  if (!value->is_array || (value->type != GgufType::kU8 && value->type != GgufType::kI8)) {
    return fail(ErrorCode::kRefused, metadata.where(), fmt::format("metadata key {} is no array of bytes", key),
                "convert the model again with a current converter");
  }
  return std::string(reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size());
}

Result<Vocabulary> vocabulary_of(const GgufMetadata& metadata) {
  Vocabulary vocabulary;
  BP_TRY(const auto model, metadata.get<std::string_view>("tokenizer.ggml.model"));
  BP_TRY(const auto pre, metadata.get_or<std::string_view>("tokenizer.ggml.pre", "default"));
  BP_TRY(const auto tokens, metadata.strings("tokenizer.ggml.tokens"));
  vocabulary.model = model;
  vocabulary.pre = pre;
  vocabulary.tokens.assign(tokens.begin(), tokens.end());
  if (metadata.has("tokenizer.ggml.token_type")) {
    BP_TRY(const auto types, metadata.numbers<int32_t>("tokenizer.ggml.token_type"));
    for (const int32_t type : types) vocabulary.types.push_back(static_cast<TokenType>(type));
  }
  if (metadata.has("tokenizer.ggml.scores")) {
    BP_TRY(vocabulary.scores, metadata.numbers<float>("tokenizer.ggml.scores"));
  }
  if (metadata.has("tokenizer.ggml.merges")) {
    BP_TRY(const auto merges, metadata.strings("tokenizer.ggml.merges"));
    vocabulary.merges.assign(merges.begin(), merges.end());
  }
  vocabulary.bos = id_of(metadata, "tokenizer.ggml.bos_token_id");
  vocabulary.eos = id_of(metadata, "tokenizer.ggml.eos_token_id");
  vocabulary.eot = id_of(metadata, "tokenizer.ggml.eot_token_id");
  vocabulary.unk = id_of(metadata, "tokenizer.ggml.unknown_token_id");
  vocabulary.pad = id_of(metadata, "tokenizer.ggml.padding_token_id");
  vocabulary.cls = id_of(metadata, "tokenizer.ggml.cls_token_id");
  vocabulary.sep = id_of(metadata, "tokenizer.ggml.seperator_token_id");  // GGUF's own spelling
  BP_TRY(vocabulary.add_bos, flag_of(metadata, "tokenizer.ggml.add_bos_token"));
  BP_TRY(vocabulary.add_eos, flag_of(metadata, "tokenizer.ggml.add_eos_token"));
  BP_TRY(vocabulary.add_space_prefix, flag_of(metadata, "tokenizer.ggml.add_space_prefix"));
  BP_TRY(vocabulary.remove_extra_spaces, flag_of(metadata, "tokenizer.ggml.remove_extra_whitespaces"));
  BP_TRY(vocabulary.lowercase, flag_of(metadata, "tokenizer.ggml.normalizer.lowercase"));
  BP_TRY(vocabulary.strip_accents, flag_of(metadata, "tokenizer.ggml.normalizer.strip_accents"));
  BP_TRY(vocabulary.chars_map, bytes_of(metadata, "tokenizer.ggml.precompiled_charsmap"));
  return vocabulary;
}

void set_chat(TextModel& text, const std::string& source, const std::string& where) {
  auto chat = ChatTemplate::parse(source, where);
  if (chat.has_value()) {
    text.chat = std::move(*chat);
  } else {
    text.chat_problem = chat.error().message();
  }
}

void find_stop_tokens(TextModel& text) {
  for (TokenId id = 0; id < static_cast<TokenId>(text.tokenizer.size()); ++id) {
    if (text.tokenizer.is_end_of_generation(id)) text.stop_tokens.push_back(id);
  }
}

Result<TextModel> text_of(const GgufMetadata& metadata) {
  BP_TRY(Vocabulary vocabulary, vocabulary_of(metadata));
  BP_TRY(Tokenizer tokenizer, Tokenizer::create(std::move(vocabulary), metadata.where()));
  TextModel text{std::move(tokenizer), std::nullopt, kNoTemplate, {}};
  if (const auto source = metadata.find<std::string_view>("tokenizer.chat_template")) {
    set_chat(text, std::string(*source), metadata.where() + " chat template");
  }
  find_stop_tokens(text);
  return text;
}

// A file's text; empty where there is none.
Result<std::string> read_optional(const fs::path& path, size_t max_bytes) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::string();
  return read_text_file(path.string(), max_bytes);
}

// tokenizer_config.json's "chat_template": a string, or a list of {name, template}, of which the default counts.
std::string configured_template(const json::value& config) {
  const json::value* value = config.is_object() ? config.get_object().if_contains("chat_template") : nullptr;
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->get_string());
  if (!value->is_array()) return {};
  for (const json::value& entry : value->get_array()) {
    if (!entry.is_object()) continue;
    const json::value* name = entry.get_object().if_contains("name");
    const json::value* source = entry.get_object().if_contains("template");
    if (name != nullptr && source != nullptr && name->is_string() && source->is_string() &&
        name->get_string() == "default") {
      return std::string(source->get_string());
    }
  }
  return {};
}

// eos_token_id of generation_config.json: a number or a list.
Result<std::vector<TokenId>> generation_stops(const fs::path& folder) {
  std::vector<TokenId> ids;
  BP_TRY(const std::string source, read_optional(folder / "generation_config.json", kMaxConfigBytes));
  if (source.empty()) return ids;
  BP_TRY(const json::value config, parse_json(source, (folder / "generation_config.json").string()));
  const json::value* eos = config.is_object() ? config.get_object().if_contains("eos_token_id") : nullptr;
  const auto add = [&](const json::value& value) {
    if (value.is_int64() && value.get_int64() >= 0 && value.get_int64() <= INT32_MAX)
      ids.push_back(static_cast<TokenId>(value.get_int64()));
  };
  if (eos != nullptr && eos->is_array()) {
    for (const json::value& value : eos->get_array()) add(value);
  } else if (eos != nullptr) {
    add(*eos);
  }
  return ids;
}

Result<TextModel> text_of_folder(const fs::path& folder) {
  BP_TRY(const std::string config_source, read_optional(folder / "tokenizer_config.json", kMaxConfigBytes));
  BP_TRY(Tokenizer tokenizer, tokenizer_of_folder(folder.string()));
  TextModel text{std::move(tokenizer), std::nullopt, kNoTemplate, {}};
  BP_TRY(std::string chat, read_optional(folder / "chat_template.jinja", kMaxConfigBytes));
  if (chat.empty() && !config_source.empty()) {
    BP_TRY(const json::value config, parse_json(config_source, (folder / "tokenizer_config.json").string()));
    chat = configured_template(config);
  }
  if (!chat.empty()) set_chat(text, chat, folder.string() + " chat template");
  find_stop_tokens(text);
  BP_TRY(const auto stops, generation_stops(folder));
  for (const TokenId id : stops) {
    if (!text.tokenizer.is_end_of_generation(id)) text.stop_tokens.push_back(id);
  }
  return text;
}

std::string text_of_token(const Tokenizer& tokenizer, std::optional<TokenId> id) {
  return id ? std::string(tokenizer.piece_bytes(*id)) : std::string();
}

}  // namespace

std::string TextModel::bos_text() const { return text_of_token(tokenizer, tokenizer.bos()); }
std::string TextModel::eos_text() const { return text_of_token(tokenizer, tokenizer.eos()); }

Result<TextModel> load_text_model(const Model& model) {
  return model.gguf() != nullptr ? text_of(model.gguf()->metadata()) : text_of_folder(model.folder());
}

Result<TextModel> load_text_model_from(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return text_of_folder(path);
  BP_TRY(const GgufFile file, GgufFile::open(path));
  return text_of(file.metadata());
}

Result<std::string> render_chat(const TextModel& text, const json::array& messages) {
  if (!text.chat)
    return fail(ErrorCode::kRefused, "chat template", text.chat_problem, "use --raw to continue plain text");
  const json::object variables = {{"messages", messages},
                                  {"add_generation_prompt", true},
                                  {"bos_token", text.bos_text()},
                                  {"eos_token", text.eos_text()}};
  return text.chat->render({.variables = variables, .now = std::nullopt});
}

}  // namespace bp
