// Google's tokenizer.model: what of its protocol buffer (sentencepiece_model.proto) describes a vocabulary, read by
// hand with every length checked.
// Thread-safety: pure function.
#pragma once

#include <string_view>

#include "base/result.h"
#include "tokenizer/vocabulary.h"

namespace bp {

// A vocabulary of model "llama" (BPE) or "t5" (unigram). Errors: kRefused for damaged bytes, kUnsupported for model
// types "word" and "char" and for white space that is not escaped.
Result<Vocabulary> read_sentence_piece_model(std::string_view bytes, std::string_view where);

}  // namespace bp
