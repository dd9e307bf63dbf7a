#include "tokenizer/unicode.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tokenizer/normal_form.h"
#include "tokenizer/utf8.h"

namespace bp {
namespace {

std::string replaced(std::string_view bytes) {
  std::string out;
  utf8::append_replacing(out, bytes, false);
  return out;
}

std::string nfc(std::string_view text) { return normalize(text, NormalForm::kC); }

TEST(Utf8, EachMaximalIllFormedPartBecomesOneReplacement) {
  EXPECT_EQ(replaced("a\xc3\xa9"), "a\u00e9");
  EXPECT_EQ(replaced("\xff"
                     "a"),
            "\uFFFDa");
  EXPECT_EQ(replaced("\xe4\xb8"), "\uFFFD");
  EXPECT_EQ(replaced("\xe4\xb8z"), "\uFFFDz");
  EXPECT_EQ(replaced("\xf0\x9f\xa6"), "\uFFFD");
  EXPECT_EQ(replaced("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
  EXPECT_EQ(replaced("\xc0\xaf"), "\uFFFD\uFFFD") << "overlong";
  EXPECT_EQ(replaced("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD") << "above U+10FFFF";
}

TEST(Utf8, WhatMayStillBecomeACharacterIsKept) {
  std::string out;
  EXPECT_EQ(utf8::append_replacing(out, "a\xf0\x9f", true), 1u);
  EXPECT_EQ(out, "a");
}

TEST(Unicode, ClassesOfCodePoints) {
  EXPECT_TRUE(unicode::class_of(U'é') & unicode::kLetter);
  EXPECT_TRUE(unicode::class_of(U'½') & unicode::kNumber);
  EXPECT_TRUE(unicode::class_of(U'\u3000') & unicode::kSpace);
  EXPECT_FALSE(unicode::class_of(U'\u200b') & unicode::kSpace);
  EXPECT_TRUE(unicode::class_of(U'\U00020000') & unicode::kLetter);
  EXPECT_TRUE(unicode::class_of(U'\u0301') & unicode::kMark);
  EXPECT_TRUE(unicode::class_of(U'„') & unicode::kPunctuation);
  EXPECT_TRUE(unicode::class_of(U'+') & unicode::kSymbol);
}

TEST(Nfc, ComposesAndOrdersMarks) {
  EXPECT_EQ(nfc("e\u0301"), "é");
  EXPECT_EQ(nfc("a\u0301\u0323"), "\u1ea1\u0301");
  EXPECT_EQ(nfc("\u1112\u1161\u11ab"), "한");
  EXPECT_EQ(nfc("\u0958"), "\u0915\u093c") << "excluded from composition";
  EXPECT_EQ(nfc("\ufb01"), "\ufb01") << "compatibility characters stay";
  EXPECT_EQ(nfc("plain é"), "plain é");
}

TEST(Nfc, MarksYoungerThanUnicode9AreLeftInPlace) {
  EXPECT_EQ(nfc("a\u0301\U0001e130\u0323"), "\u00e1\U0001e130\u0323");
}

TEST(Nfc, BytesThatAreNoUtf8Stay) { EXPECT_EQ(nfc("e\u0301\xff\xcc"), "é\xff\xcc"); }

// Composing what was decomposed is composing: whichever stretches of the text were left alone on either way.
TEST(Nfc, StretchesThatStayDoNotCutWhatJoins) {
  const std::vector<std::string> parts = {"a",      "e",      "é",      "\u1e69", "\u0301", "\u0323", "\u0338",
                                          "中",     "\u1100", "\u1161", "\u11a8", "가",     "한",     "\u09c7",
                                          "\u09be", "\u0958", "\ufb01", "\u3099", "か",     "が",     "\u0344",
                                          "\u0f71", "\u0f72", "🦙",     "\u2126", "\u1e9b", " ",      "\n"};
  std::mt19937 rng(23);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (size_t n = rng() % 12; n > 0; --n) text += parts[rng() % parts.size()];
    const std::string c = normalize(text, NormalForm::kC), d = normalize(text, NormalForm::kD);
    EXPECT_EQ(normalize(d, NormalForm::kC), c) << text;
    EXPECT_EQ(normalize(c, NormalForm::kD), d) << text;
    EXPECT_EQ(normalize(c, NormalForm::kC), c) << text;
    const std::string kd = normalize(text, NormalForm::kKD);
    EXPECT_EQ(normalize(d, NormalForm::kKD), kd) << text;
    EXPECT_EQ(normalize(kd, NormalForm::kC), normalize(text, NormalForm::kKC)) << text;
  }
}

TEST(Nfc, AMegabyteOfMarksOutOfOrderIsSorted) {
  std::string text = "e";
  while (text.size() < 300'000) text += "\u0301\u0323\u0327";
  EXPECT_EQ(nfc(text).size(), text.size() - 1);  // e and U+0327 become one of two bytes
}

}  // namespace
}  // namespace bp
