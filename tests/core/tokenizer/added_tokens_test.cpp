#include "tokenizer/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bp {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> found(std::vector<AddedToken> tokens, const std::string& text) {
  std::vector<std::string> out;
  for (const auto& m : AddedTokenMatcher(std::move(tokens)).find(text)) {
    out.push_back(std::to_string(m.id) + "@" + std::to_string(m.begin) + "-" + std::to_string(m.end));
  }
  return out;
}

TEST(AddedTokens, TheLeftmostThenTheLongestMatches) {
  const std::vector<AddedToken> tokens = {
      {.id = 1, .text = "ab"}, {.id = 2, .text = "abcd"}, {.id = 3, .text = "bcdef"}};
  EXPECT_THAT(found(tokens, "abcdef"), ElementsAre("2@0-4"));
  EXPECT_THAT(found(tokens, "abcxbcdef"), ElementsAre("1@0-2", "3@4-9"));
}

TEST(AddedTokens, SuffixesAndPrefixesOfEachOtherAreAllFound) {
  const std::vector<AddedToken> tokens = {{.id = 1, .text = "a"}, {.id = 2, .text = "aa"}, {.id = 3, .text = "baa"}};
  EXPECT_THAT(found(tokens, "aaabaab"), ElementsAre("2@0-2", "1@2-3", "3@3-6"));
}

TEST(AddedTokens, StripsTheWhiteSpaceAroundThem) {
  EXPECT_THAT(found({{.id = 1, .text = "<m>", .lstrip = true}}, "x \n<m> y"), ElementsAre("1@1-6"));
  EXPECT_THAT(found({{.id = 1, .text = "<m>", .rstrip = true}}, "x <m> \u3000y"), ElementsAre("1@2-9"));
  EXPECT_THAT(found({{.id = 1, .text = "<m>", .lstrip = true, .rstrip = true}}, "<m> <m>"),
              ElementsAre("1@0-4", "1@4-7"));
}

TEST(AddedTokens, ASingleWordIsNotPartOfAnother) {
  EXPECT_THAT(found({{.id = 1, .text = "cat", .single_word = true}}, "cat concat cats, cat! écat"),
              ElementsAre("1@0-3", "1@17-20"));
}

TEST(AddedTokens, NoTokensAndEmptyTextsFindNothing) {
  EXPECT_THAT(found({}, "abc"), ElementsAre());
  EXPECT_THAT(found({{.id = 1, .text = ""}}, "abc"), ElementsAre());
  EXPECT_THAT(found({{.id = 1, .text = "a"}}, ""), ElementsAre());
}

TEST(AddedTokens, ALongTokenThatNearlyMatchesEverywhereIsLinear) {
  const std::string token = std::string(100'000, 'a') + "b";
  EXPECT_THAT(found({{.id = 1, .text = token}}, std::string(1'000'000, 'a')), ElementsAre());
  EXPECT_THAT(found({{.id = 1, .text = "b" + std::string(100'000, 'a')}}, std::string(1'000'000, 'a')), ElementsAre());
}

}  // namespace
}  // namespace bp
