#include "tokenizer/detokenizer.h"

#include <gtest/gtest.h>

#include "smollm2.h"

namespace bp {
namespace {

TEST(Detokenizer, NeverCutsACharacter) {
  const std::string text = "naïve 🦙 大模型 e\u0301 👩‍👩‍👧";
  Detokenizer detokenizer(test::smollm2());
  std::string joined;
  for (const TokenId id : test::smollm2().encode(text)) {
    const std::string part = detokenizer.push(id);
    EXPECT_EQ(part.find("\uFFFD"), std::string::npos);
    joined += part;
  }
  EXPECT_EQ(joined + detokenizer.flush(), text);
}

TEST(Detokenizer, AnUnfinishedCharacterIsReplacedAtTheEnd) {
  Detokenizer detokenizer(test::smollm2());
  const TokenId lead = *test::smollm2().find("ð");  // byte 0xF0
  EXPECT_EQ(detokenizer.push(lead), "");
  EXPECT_EQ(detokenizer.flush(), "\uFFFD");
  EXPECT_EQ(detokenizer.flush(), "");
}

TEST(Detokenizer, AWrongContinuationIsReplacedAtOnce) {
  Detokenizer detokenizer(test::smollm2());
  EXPECT_EQ(detokenizer.push(*test::smollm2().find("ð")), "");
  EXPECT_EQ(detokenizer.push(*test::smollm2().find("a")), "\uFFFDa");
}

TEST(Detokenizer, SpecialTokensAreLeftOutUnlessAskedFor) {
  Detokenizer without(test::smollm2());
  EXPECT_EQ(without.push(2), "");
  Detokenizer with(test::smollm2(), false);
  EXPECT_EQ(with.push(2), "<|im_end|>");
}

TEST(Detokenizer, IdsThatAreNoTokenGiveNothing) {
  Detokenizer detokenizer(test::smollm2());
  EXPECT_EQ(detokenizer.push(-5), "");
  EXPECT_EQ(detokenizer.push(1 << 30), "");
}

}  // namespace
}  // namespace bp
