#include "tokenizer/char_bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace bp {
namespace {

using ::testing::ElementsAre;

PreTokens one_piece(std::string_view text) {
  PreTokens tokens;
  tokens.text = text;
  tokens.pieces = {{0, text.size()}};
  return tokens;
}

std::vector<TokenId> encode(const CharBpe& bpe, std::string_view text) {
  std::vector<TokenId> ids;
  bpe.encode(one_piece(text), ids);
  return ids;
}

TokenTable table_of(const std::vector<std::string>& tokens, std::vector<TokenType> types = {}) {
  return TokenTable::create(tokens, types, TokenForm::kMarkedText, "toy").value();
}

// The definition: as long as two neighbours are a token together, the leftmost pair of the highest score becomes it.
std::vector<std::string> merge_by_definition(const std::vector<std::string>& tokens, const std::vector<float>& scores,
                                             const std::string& text) {
  std::vector<std::string> parts;
  for (const char c : text) parts.emplace_back(1, c);
  for (;;) {
    size_t best = parts.size();
    float best_score = 0;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto it = std::ranges::find(tokens, parts[i] + parts[i + 1]);
      if (it == tokens.end()) continue;
      const float score = scores[static_cast<size_t>(it - tokens.begin())];
      if (best == parts.size() || score > best_score) {
        best = i;
        best_score = score;
      }
    }
    if (best == parts.size()) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

TEST(CharBpe, MergesByScoreAsDefinedHoweverLongTheText) {
  std::mt19937 rng(11);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> tokens = {"a", "b", "c"};
    for (int i = 0; i < 25; ++i) {
      const std::string joined = tokens[rng() % tokens.size()] + tokens[rng() % tokens.size()];
      if (std::ranges::find(tokens, joined) == tokens.end()) tokens.push_back(joined);
    }
    std::vector<float> scores;
    for (size_t i = 0; i < tokens.size(); ++i) scores.push_back(static_cast<float>(rng() % 7) - 3);  // with ties
    const TokenTable table = table_of(tokens);
    const CharBpe bpe(table, scores, {});
    std::string text;
    const size_t n = 1 + rng() % 150;
    while (text.size() < n) text += static_cast<char>('a' + rng() % 3);
    for (int again = 0; again < 2; ++again) {  // the second time with what was learnt
      std::vector<std::string> got;
      for (const TokenId id : encode(bpe, text)) got.emplace_back(table.key_bytes(id));
      EXPECT_EQ(got, merge_by_definition(tokens, scores, text)) << text;
    }
  }
}

TEST(CharBpe, TheWorkGrowsWithTheTextAndNotWithItsSquare) {
  const auto n_finds = [](size_t n) {
    BpeMerger<TokenId> merger;
    merger.symbols.assign(n, 0);
    size_t finds = 0;
    // Symbols of equal value k merge to k + 1: a text of one letter, the worst there is.
    merger.run(
        [&](TokenId left, TokenId right) {
          ++finds;
          return left == right && left < 12 ? Merge{static_cast<uint32_t>(left), left + 1} : kNoMerge;
        },
        [](TokenId& left, TokenId, TokenId merged) { left = merged; });
    return finds;
  };
  const size_t small = n_finds(4'096);
  const size_t large = n_finds(131'072);
  EXPECT_LE(large, small * 33);
  EXPECT_LE(large, 131'072u * 8);
}

TEST(CharBpe, UnknownCharactersBecomeBytesOrTheUnknownToken) {
  const std::vector<std::string> tokens = {"<unk>", "a", "<0xC3>", "<0xA9>"};
  const std::vector<TokenType> types = {TokenType::kUnknown, TokenType::kNormal, TokenType::kByte, TokenType::kByte};
  const TokenTable table = table_of(tokens, types);
  const std::vector<float> scores(tokens.size());
  EXPECT_THAT(encode(CharBpe(table, scores, {.byte_fallback = true, .unknown = 0}), "aé"), ElementsAre(1, 2, 3));
  EXPECT_THAT(encode(CharBpe(table, scores, {.byte_fallback = true, .unknown = 0}), "zé"), ElementsAre(0, 2, 3))
      << "a byte without token";
  EXPECT_THAT(encode(CharBpe(table, scores, {.unknown = 0}), "xyaz"), ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(encode(CharBpe(table, scores, {.fuse_unknown = true, .unknown = 0}), "xyaz"), ElementsAre(0, 1, 0));
  EXPECT_THAT(encode(CharBpe(table, scores, {}), "xyaz"), ElementsAre(1)) << "dropped";
}

TEST(CharBpe, AnUnusedTokenIsWrittenAsWhatItWasMergedFrom) {
  const std::vector<std::string> tokens = {"a", "b", "c", "ab", "abc"};
  const std::vector<TokenType> types = {TokenType::kNormal, TokenType::kNormal, TokenType::kNormal, TokenType::kNormal,
                                        TokenType::kUnused};
  const TokenTable table = table_of(tokens, types);
  EXPECT_THAT(encode(CharBpe(table, std::vector<float>{0, 0, 0, -1, -2}, {}), "abcab"), ElementsAre(3, 2, 3));
}

}  // namespace
}  // namespace bp
