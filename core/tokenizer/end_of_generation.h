// Which tokens end a generation: those the metadata names, and control tokens whose names say so.
// Thread-safety: pure function.
#pragma once

#include <vector>

#include "tokenizer/token_table.h"
#include "tokenizer/vocabulary.h"

namespace bp {

// Sorted, without repetitions.
std::vector<TokenId> end_of_generation_ids(const Vocabulary& vocabulary, const TokenTable& tokens);

}  // namespace bp
