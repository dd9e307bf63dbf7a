// The tokenizer of a Hugging Face folder, from whichever files it has.
// Thread-safety: pure functions that read files.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "tokenizer/json_of_files.h"
#include "tokenizer/tokenizer.h"

namespace bp {

// From tokenizer.json, which says all; else from SentencePiece's tokenizer.model, spiece.model or
// sentencepiece.bpe.model; else from vocab.json with merges.txt; else from vocab.txt: with what tokenizer_config.json,
// added_tokens.json, special_tokens_map.json and config.json say. Errors: kRefused where there is none of these or one
// is damaged, kUnsupported for a kind of tokenizer that we do not have.
Result<Tokenizer> tokenizer_of_folder(const std::string& folder);

// SentencePiece's vocabulary of a folder; nullopt where it has none. Errors as above.
Result<std::optional<Vocabulary>> sentence_piece_of_folder(const std::string& folder);

// What vocab.json with merges.txt, or vocab.txt, of a folder stand for; nullopt where it has neither. Errors as above.
Result<std::optional<TokenizerDocuments>> documents_of_folder(const std::string& folder);

}  // namespace bp
