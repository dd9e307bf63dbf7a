#include "tokenizer/tokenizer_folder.h"

#include <filesystem>

#include "base/mapped_file.h"
#include "tokenizer/json_access.h"
#include "tokenizer/json_pipeline.h"
#include "tokenizer/sentence_piece_folder.h"

namespace bp {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMaxTokenizerBytes = size_t{256} << 20;
constexpr size_t kMaxConfigBytes = size_t{16} << 20;

// A file's text; empty where there is none.
Result<std::string> read_optional(const fs::path& path, size_t max_bytes) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::string();
  return read_text_file(path.string(), max_bytes);
}

Result<json::object> read_object(const fs::path& path) {
  BP_TRY(const std::string text, read_optional(path, kMaxConfigBytes));
  if (text.empty()) return json::object();
  BP_TRY(json::value value, parse_json(text, path.string()));
  if (!value.is_object()) return refused_json(path.string(), "the document is no object");
  return std::move(value.get_object());
}

}  // namespace

Result<std::optional<TokenizerDocuments>> documents_of_folder(const std::string& folder) {
  const fs::path path(folder);
  TokenizerFiles files;
  BP_TRY(files.vocab_json, read_optional(path / "vocab.json", kMaxTokenizerBytes));
  if (!files.vocab_json.empty()) {
    BP_TRY(files.merges_txt, read_optional(path / "merges.txt", kMaxTokenizerBytes));
    if (files.merges_txt.empty())
      return fail(ErrorCode::kRefused, folder, "holds vocab.json and no merges.txt", "fetch merges.txt too");
  } else {
    BP_TRY(files.vocab_txt, read_optional(path / "vocab.txt", kMaxTokenizerBytes));
    if (files.vocab_txt.empty()) return std::nullopt;
  }
  BP_TRY(files.tokenizer_config, read_object(path / "tokenizer_config.json"));
  BP_TRY(files.special_tokens_map, read_object(path / "special_tokens_map.json"));
  BP_TRY(files.added_tokens, read_object(path / "added_tokens.json"));
  BP_TRY(const json::object config, read_object(path / "config.json"));
  files.model_type = json_text(config, "model_type");
  const fs::path where = path / (files.vocab_json.empty() ? "vocab.txt" : "vocab.json");
  BP_TRY(TokenizerDocuments documents, json_of_files(std::move(files), where.string()));
  return documents;
}

Result<std::optional<Vocabulary>> sentence_piece_of_folder(const std::string& folder) {
  const fs::path path(folder);
  for (const char* name : {"tokenizer.model", "spiece.model", "sentencepiece.bpe.model"}) {
    BP_TRY(const std::string model, read_optional(path / name, kMaxTokenizerBytes));
    if (model.empty()) continue;
    BP_TRY(const std::string config, read_optional(path / "tokenizer_config.json", kMaxConfigBytes));
    BP_TRY(const std::string added, read_optional(path / "added_tokens.json", kMaxConfigBytes));
    BP_TRY(Vocabulary vocabulary, sentence_piece_vocabulary(model, config, added, (path / name).string()));
    return vocabulary;
  }
  return std::nullopt;
}

Result<Tokenizer> tokenizer_of_folder(const std::string& folder) {
  const fs::path path(folder);
  BP_TRY(const std::string json, read_optional(path / "tokenizer.json", kMaxTokenizerBytes));
  if (!json.empty()) {
    BP_TRY(const std::string config, read_optional(path / "tokenizer_config.json", kMaxConfigBytes));
    return Tokenizer::from_json(json, config, (path / "tokenizer.json").string());
  }
  BP_TRY(auto vocabulary, sentence_piece_of_folder(folder));
  if (vocabulary) return Tokenizer::create(std::move(*vocabulary), folder);
  BP_TRY(const auto documents, documents_of_folder(folder));
  if (documents) {
    return Tokenizer::from_json(write_json(documents->tokenizer), write_json(documents->tokenizer_config), folder);
  }
  return fail(ErrorCode::kRefused, folder,
              "holds no tokenizer: neither tokenizer.json nor tokenizer.model, spiece.model, sentencepiece.bpe.model, "
              "vocab.json with merges.txt or vocab.txt",
              "fetch the model's tokenizer files too");
}

}  // namespace bp
