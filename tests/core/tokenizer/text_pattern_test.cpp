#include "tokenizer/text_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> matches(std::string_view regex, std::string_view text) {
  const auto pattern = TextPattern::create(regex, "x");
  if (!pattern) return {pattern.error().message()};
  std::vector<TextRange> ranges;
  pattern->find_all(text, ranges);
  std::vector<std::string> out;
  for (const TextRange& range : ranges) out.emplace_back(text.substr(range.begin, range.end - range.begin));
  return out;
}

TEST(TextPattern, ReadsOnigurumasSyntax) {
  EXPECT_THAT(matches(R"(\s+)", "a \u0085\u3000b"), ElementsAre(" \u0085\u3000"));
  EXPECT_THAT(matches(R"([^\s]+)", "a\u0085b"), ElementsAre("a", "b"));
  EXPECT_THAT(matches(R"(\S)", "a\u0085"), ElementsAre("a"));
  EXPECT_THAT(matches(R"(\w+)", "a\u0301_1½ b"), ElementsAre("a\u0301_1½", "b"));
  EXPECT_THAT(matches(R"([\u4e00-\u9fa5]+)", "a中文b"), ElementsAre("中文"));
  EXPECT_THAT(matches(R"((?i:'s|'t))", "it'S don'T"), ElementsAre("'S", "'T"));
  EXPECT_THAT(matches(R"(a$)", "a\nba"), ElementsAre("a", "a")) << "$ at every line";
  EXPECT_THAT(matches(R"([]a]+)", "]a"), ElementsAre("]a"));
  EXPECT_THAT(matches(R"([[:alpha:]]+)", "ab1"), ElementsAre("ab"));
}

TEST(TextPattern, EmptyMatchesAreNone) {
  EXPECT_THAT(matches("x*", "axxb"), ElementsAre("xx"));
  EXPECT_THAT(matches("", "ab"), ElementsAre());
}

TEST(TextPattern, BytesThatAreNoUtf8MatchNothing) { EXPECT_THAT(matches(".", "a\xff\xc3z"), ElementsAre("a", "z")); }

TEST(TextPattern, WhatMeansSomethingElseHereIsRefused) {
  for (const auto& [regex, why] : {std::pair{R"([\p{L}&&[^\p{Han}]])", "&&"},
                                   {R"([a[b]])", "class within a class"},
                                   {R"(\h)", "\\h"},
                                   {"(", "missing closing parenthesis"},
                                   {"\\", "backslash"},
                                   {R"(\u12)", "four digits"},
                                   {"[z-a]", "range out of order"}}) {
    const auto pattern = TextPattern::create(regex, "tokenizer.json");
    ASSERT_FALSE(pattern.has_value()) << regex;
    EXPECT_EQ(pattern.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(pattern.error().message(), HasSubstr(why));
  }
  EXPECT_FALSE(TextPattern::create(std::string(1 << 20, 'a'), "x").has_value());
}

TEST(TextPattern, OneThatBacktracksForEverFindsNothingMore) {
  const auto pattern = TextPattern::create("(a+)+b", "x").value();
  std::vector<TextRange> ranges;
  pattern.find_all("aab" + std::string(50'000, 'a'), ranges);
  EXPECT_THAT(ranges, ElementsAre(TextRange{0, 3}));
}

TEST(TextPattern, ALiteralIsFoundAsItIs) {
  std::vector<TextRange> ranges;
  TextPattern::literal("a.").find_all("a.aba.", ranges);
  EXPECT_THAT(ranges, ElementsAre(TextRange{0, 2}, TextRange{4, 6}));
  ranges.clear();
  TextPattern::literal("").find_all("abc", ranges);
  EXPECT_TRUE(ranges.empty());
}

}  // namespace
}  // namespace bp
