// The vocabulary of SmolLM2-135M-Instruct (Apache-2.0), from data/smollm2_vocabulary.txt: the first 252 tokens, a line
// each, then the merges; the other tokens are what the merges make, in their order.
#pragma once

#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace bp::test {

Vocabulary smollm2_vocabulary();
// Built once.
const Tokenizer& smollm2();
std::vector<std::string> lines_of(const std::string& file_in_data);

}  // namespace bp::test
