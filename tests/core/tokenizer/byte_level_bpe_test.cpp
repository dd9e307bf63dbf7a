#include "tokenizer/byte_level_bpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "tokenizer/byte_alphabet.h"

namespace bp {
namespace {

struct Toy {
  std::vector<std::string> tokens;
  std::vector<std::string> merges;
};

// Three letters, and random merges of what is there already.
Toy random_toy(std::mt19937& rng, size_t n_merges) {
  Toy toy{{"a", "b", "c"}, {}};
  while (toy.merges.size() < n_merges) {
    const std::string left = toy.tokens[rng() % toy.tokens.size()];
    const std::string right = toy.tokens[rng() % toy.tokens.size()];
    if (std::ranges::find(toy.tokens, left + right) != toy.tokens.end()) continue;
    toy.tokens.push_back(left + right);
    toy.merges.push_back(left + " " + right);
  }
  return toy;
}

PreTokens one_piece(std::string_view text) {
  PreTokens tokens;
  tokens.text = text;
  tokens.pieces = {{0, text.size()}};
  return tokens;
}

// The definition: as long as any pair merges, the leftmost of the lowest rank does.
std::vector<std::string> merge_by_definition(const Toy& toy, const std::string& text) {
  std::map<std::string, size_t> ranks;
  for (size_t i = 0; i < toy.merges.size(); ++i) ranks[toy.merges[i]] = i;
  std::vector<std::string> parts;
  for (const char c : text) parts.emplace_back(1, c);
  for (;;) {
    size_t best = parts.size();
    size_t best_rank = ranks.size();
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto it = ranks.find(parts[i] + " " + parts[i + 1]);
      if (it != ranks.end() && it->second < best_rank) {
        best = i;
        best_rank = it->second;
      }
    }
    if (best == parts.size()) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST(Bpe, ShortAndLongPiecesMergeByDefinition) {
  std::mt19937 rng(7);
  for (int round = 0; round < 60; ++round) {
    const Toy toy = random_toy(rng, 1 + rng() % 30);
    const TokenTable table = TokenTable::create(toy.tokens, {}, TokenForm::kByteAlphabet, "toy").value();
    const ByteLevelBpe bpe(table, toy.merges, {});
    std::string text;
    const size_t n = 1 + rng() % 150;
    while (text.size() < n) text += static_cast<char>('a' + rng() % 3);
    std::vector<TokenId> ids;
    bpe.encode(one_piece(text), ids);
    bpe.encode(one_piece(text), ids);  // again, with what was learnt
    std::vector<std::string> got;
    for (const TokenId id : ids) got.emplace_back(table.key_bytes(id));
    auto want = merge_by_definition(toy, text);
    const auto once = want;
    want.insert(want.end(), once.begin(), once.end());
    EXPECT_EQ(got, want) << text;
  }
}

TEST(Bpe, ATokenThatMergesDoNotReachIsTakenWholeOnlyIfMergesAreIgnored) {
  const std::vector<std::string> tokens = {"a", "b", "c", "bc", "abc"};
  const std::vector<std::string> merges = {"b c"};
  const TokenTable table = TokenTable::create(tokens, {}, TokenForm::kByteAlphabet, "toy").value();
  std::vector<TokenId> merged;
  ByteLevelBpe(table, merges, {}).encode(one_piece("abc"), merged);
  EXPECT_EQ(merged, (std::vector<TokenId>{0, 3}));
  std::vector<TokenId> whole;
  ByteLevelBpe(table, merges, {.ignore_merges = true}).encode(one_piece("abc"), whole);
  EXPECT_EQ(whole, (std::vector<TokenId>{4}));
}

TEST(ByteAlphabet, EveryByteHasOneCharacterAndBack) {
  for (int b = 0; b < 256; ++b) {
    const auto bytes = bytes_of_alphabet(alphabet_of_byte(static_cast<unsigned char>(b)));
    ASSERT_TRUE(bytes.has_value());
    EXPECT_EQ(*bytes, std::string(1, static_cast<char>(b)));
  }
  EXPECT_FALSE(bytes_of_alphabet(" ").has_value());
  EXPECT_FALSE(bytes_of_alphabet("▁a").has_value());
  EXPECT_FALSE(bytes_of_alphabet("\xc4").has_value());
}

}  // namespace
}  // namespace bp
