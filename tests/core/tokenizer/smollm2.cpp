#include "smollm2.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace bp::test {
namespace {

constexpr size_t kFirstTokens = 252;
constexpr size_t kControlTokens = 17;

}  // namespace

std::vector<std::string> lines_of(const std::string& file_in_data) {
  std::ifstream file(std::string(BP_SOURCE_DIR) + "/tests/core/tokenizer/data/" + file_in_data);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  if (lines.empty()) throw std::runtime_error("cannot read " + file_in_data);
  return lines;
}

Vocabulary smollm2_vocabulary() {
  const auto lines = lines_of("smollm2_vocabulary.txt");
  Vocabulary v;
  v.model = "gpt2";
  v.pre = "smollm";
  v.tokens.assign(lines.begin(), lines.begin() + kFirstTokens);
  v.merges.assign(lines.begin() + kFirstTokens, lines.end());
  for (std::string merged : v.merges) {
    std::erase(merged, ' ');
    v.tokens.push_back(merged);
  }
  v.types.assign(v.tokens.size(), TokenType::kNormal);
  std::fill_n(v.types.begin(), kControlTokens, TokenType::kControl);
  v.bos = 1;
  v.eos = 2;
  v.unk = 0;
  v.pad = 2;
  return v;
}

const Tokenizer& smollm2() {
  static const Tokenizer tokenizer = Tokenizer::create(smollm2_vocabulary(), "smollm2").value();
  return tokenizer;
}

}  // namespace bp::test
