#include "tokenizer/unigram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tokenizer/word_piece.h"

namespace bp {
namespace {

using ::testing::ElementsAre;

template <class Model>
std::vector<TokenId> encode(const Model& model, std::string_view text) {
  PreTokens tokens;
  tokens.text = text;
  tokens.pieces = {{0, text.size()}};
  std::vector<TokenId> ids;
  model.encode(tokens, ids);
  return ids;
}

TokenTable table_of(const std::vector<std::string>& tokens) {
  return TokenTable::create(tokens, {}, TokenForm::kText, "toy").value();
}

// The highest sum over all ways to cut `text`, by trying them all.
double best_sum(const std::vector<std::string>& tokens, const std::vector<double>& scores, std::string_view text) {
  if (text.empty()) return 0;
  double best = -1e9;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (text.starts_with(tokens[i]))
      best = std::max(best, scores[i] + best_sum(tokens, scores, text.substr(tokens[i].size())));
  }
  return best;
}

TEST(Unigram, FindsTheHighestSumOfAllWays) {
  std::mt19937 rng(3);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> tokens = {"a", "b"};
    for (int i = 0; i < 8; ++i) {
      std::string token;
      for (size_t n = 2 + rng() % 3; n > 0; --n) token += static_cast<char>('a' + rng() % 2);
      if (std::ranges::find(tokens, token) == tokens.end()) tokens.push_back(token);
    }
    std::vector<double> scores;
    for (size_t i = 0; i < tokens.size(); ++i) scores.push_back(-1 - static_cast<double>(rng() % 1000) / 100);
    const TokenTable table = table_of(tokens);
    std::string text;
    for (size_t n = 1 + rng() % 12; n > 0; --n) text += static_cast<char>('a' + rng() % 2);
    double sum = 0;
    std::string joined;
    for (const TokenId id : encode(Unigram(table, scores, {}), text)) {
      sum += scores[static_cast<size_t>(id)];
      joined += tokens[static_cast<size_t>(id)];
    }
    EXPECT_EQ(joined, text);
    EXPECT_NEAR(sum, best_sum(tokens, scores, text), 1e-9) << text;
  }
}

TEST(Unigram, UnknownCharactersInARowAreOneToken) {
  const TokenTable table = table_of({"<unk>", "a"});
  EXPECT_THAT(encode(Unigram(table, {0, -1}, {.unknown = 0}), "xéa\xffz"), ElementsAre(0, 1, 0));
  EXPECT_THAT(encode(Unigram(table, {0, -1}, {}), "xéa"), ElementsAre(1));
}

TEST(Unigram, AMegabyteEndsSoon) {
  const TokenTable table = table_of({"<unk>", "a", "aa", std::string(200, 'a')});
  const Unigram unigram(table, {0, -1, -1.5, -2}, {.unknown = 0});
  EXPECT_EQ(encode(unigram, std::string(1 << 20, 'a')).size(), (1u << 20) / 200 + 88);
  EXPECT_EQ(encode(unigram, std::string(1 << 20, ' ')).size(), 1u);
}

TEST(WordPiece, TakesTheLongestFromTheLeftOrNothing) {
  const TokenTable table = table_of({"[UNK]", "un", "##aff", "##able", "##ab", "unaff", "a"});
  const WordPiece model(table, {.unknown = 0});
  EXPECT_THAT(encode(model, "unaffable"), ElementsAre(5, 3));
  EXPECT_THAT(encode(model, "unab"), ElementsAre(1, 4));
  EXPECT_THAT(encode(model, "unabc"), ElementsAre(0)) << "all of it is unknown";
  EXPECT_THAT(encode(model, std::string(101, 'a')), ElementsAre(0)) << "too long";
  EXPECT_THAT(encode(WordPiece(table, {}), "xyz"), ElementsAre());
  EXPECT_THAT(encode(WordPiece(table, {.whole_words_only = true, .unknown = 0}), "unaff"), ElementsAre(5));
  EXPECT_THAT(encode(WordPiece(table, {.whole_words_only = true, .unknown = 0}), "unaffable"), ElementsAre(0));
}

}  // namespace
}  // namespace bp
