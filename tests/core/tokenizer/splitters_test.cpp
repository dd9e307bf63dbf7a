#include "tokenizer/splitters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/pre_tokenizer_family.h"

namespace bp {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> pieces(const std::vector<Splitter>& splitters, const std::string& text) {
  std::vector<std::string> out;
  size_t begin = 0;
  PreTokens tokens;
  PreTokenizer(splitters).split(text, true, tokens);
  for (const TextRange& piece : tokens.pieces) {
    EXPECT_EQ(piece.begin, begin);
    out.push_back(text.substr(piece.begin, piece.end - piece.begin));
    begin = piece.end;
  }
  EXPECT_EQ(begin, text.size());
  return out;
}

TEST(Gpt2, KeepsOneSpaceWithTheWord) {
  EXPECT_THAT(pieces({split_gpt2}, "Hello  big world"), ElementsAre("Hello", " ", " big", " world"));
}

TEST(Gpt2, CutsLowerCaseContractionsOnly) {
  EXPECT_THAT(pieces({split_gpt2}, "don't we'll I'M 'x"),
              ElementsAre("don", "'t", " we", "'ll", " I", "'", "M", " '", "x"));
}

TEST(Gpt2, LettersNumbersAndTheRestAreApart) {
  EXPECT_THAT(pieces({split_gpt2}, "ab12!? ½x"), ElementsAre("ab", "12", "!?", " ½", "x"));
}

TEST(Gpt2, WhiteSpaceAtTheEndStaysWhole) {
  EXPECT_THAT(pieces({split_gpt2}, "a \n\n "), ElementsAre("a", " \n\n "));
  EXPECT_THAT(pieces({split_gpt2}, "a \n b"), ElementsAre("a", " \n", " b"));
  EXPECT_THAT(pieces({split_gpt2}, "\u3000\u3000x"), ElementsAre("\u3000", "\u3000", "x"));
}

TEST(Gpt2, AnEmptyTextHasNoPieces) { EXPECT_THAT(pieces({split_gpt2}, ""), ElementsAre()); }

TEST(Gpt2, DigitsFirstCutEachDigitFromItsSpace) {
  EXPECT_THAT(pieces({split_digits, split_gpt2}, "in 2026!"), ElementsAre("in", " ", "2", "0", "2", "6", "!"));
}

TEST(Llama3, ContractionsOfAnyCase) {
  EXPECT_THAT(pieces({split_llama3}, "I'M we'LL x'\u017f"), ElementsAre("I", "'M", " we", "'LL", " x", "'\u017f"));
}

TEST(Llama3, NumbersInThreesAndPunctuationTakesItsLineEnds) {
  EXPECT_THAT(pieces({split_llama3}, "1234567 end.\n\nNext"), ElementsAre("123", "456", "7", " end", ".\n\n", "Next"));
}

TEST(Llama3, AnyMarkMayLeadAWord) {
  EXPECT_THAT(pieces({split_llama3}, "_name\tx (y)"), ElementsAre("_name", "\tx", " (", "y", ")"));
}

TEST(Llama3, WhiteSpaceEndsAtItsLastLineEnd) {
  EXPECT_THAT(pieces({split_llama3}, "a \n \n  b"), ElementsAre("a", " \n \n", " ", " b"));
  EXPECT_THAT(pieces({split_llama3}, "a   "), ElementsAre("a", "   "));
}

TEST(Qwen2, NumbersOneByOne) { EXPECT_THAT(pieces({split_qwen2}, "a 12"), ElementsAre("a", " ", "1", "2")); }

TEST(Splitters, WhatLiesBetweenFindsIsAPiece) {
  EXPECT_THAT(pieces({split_three_digits}, "a1234567"), ElementsAre("a", "123", "456", "7"));
  EXPECT_THAT(pieces({split_digit_runs}, "a12b"), ElementsAre("a", "12", "b"));
  EXPECT_THAT(pieces({split_punctuation_runs}, "a+,b"), ElementsAre("a", "+,", "b"));
  EXPECT_THAT(pieces({split_line_ends}, "a\r\nb"), ElementsAre("a", "\r", "\n", "b"));
  EXPECT_THAT(pieces({split_spaced_letters}, "ab  cd1"), ElementsAre("ab", " ", " cd", "1"));
  EXPECT_THAT(pieces({split_spaced_punctuation}, "a !?"), ElementsAre("a", " !?"));
  EXPECT_THAT(pieces({split_cjk_runs}, "a中文b"), ElementsAre("a", "中文", "b"));
}

TEST(Splitters, BytesThatAreNoUtf8StayInPlace) {
  EXPECT_THAT(pieces({split_digits, split_gpt2}, "a\xff\xfe z\xc3"), ElementsAre("a", "\xff\xfe", " z", "\xc3"));
}

TEST(PreTokenizerFamily, EachNameIsKnownAndOthersAreRefused) {
  for (const char* name : {"smollm", "starcoder", "refact", "command-r", "gpt-2", "mpt", "default", "", "llama-bpe",
                           "qwen2", "falcon", "deepseek-coder"}) {
    EXPECT_TRUE(pre_tokenizer_family(name, "x").has_value()) << name;
  }
  EXPECT_FALSE(pre_tokenizer_family("gpt-5", "x").has_value());
}

}  // namespace
}  // namespace bp
