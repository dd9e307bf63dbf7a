#include "tokenizer/unicode.h"

#include <gtest/gtest.h>

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

TEST(Nfc, AMegabyteOfMarksOutOfOrderIsSorted) {
  std::string text = "e";
  while (text.size() < 300'000) text += "\u0301\u0323\u0327";
  EXPECT_EQ(nfc(text).size(), text.size() - 1);  // e and U+0327 become one of two bytes
}

}  // namespace
}  // namespace bp
