// SentencePiece's file with the files beside it in a Hugging Face folder, as one vocabulary.
// Thread-safety: pure function.
#pragma once

#include <string_view>

#include "base/result.h"
#include "tokenizer/vocabulary.h"

namespace bp {

// As Tokenizer::from_sentence_piece.
Result<Vocabulary> sentence_piece_vocabulary(std::string_view model, std::string_view tokenizer_config_json,
                                             std::string_view added_tokens_json, std::string_view where);

}  // namespace bp
