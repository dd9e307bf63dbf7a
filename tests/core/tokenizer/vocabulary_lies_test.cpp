// Vocabularies that contradict themselves: an error, or no harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smollm2.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/tokenizer.h"

namespace bp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Vocabulary bytes_only() {
  Vocabulary v;
  v.model = "gpt2";
  v.pre = "gpt-2";
  for (int b = 0; b < 256; ++b) v.tokens.push_back(alphabet_of_byte(static_cast<unsigned char>(b)));
  return v;
}

TEST(VocabularyLies, AnUnknownModelIsRefusedByName) {
  Vocabulary v = bytes_only();
  v.model = "plamo2";
  const auto result = Tokenizer::create(std::move(v), "x.gguf");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(result.error().message(), HasSubstr("plamo2"));
  EXPECT_THAT(result.error().message(), HasSubstr("gpt2"));
}

TEST(VocabularyLies, AnUnknownPreTokenizerIsRefusedByName) {
  Vocabulary v = bytes_only();
  v.pre = "nobody-knows";
  const auto result = Tokenizer::create(std::move(v), "x.gguf");
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message(), HasSubstr("nobody-knows"));
  EXPECT_THAT(result.error().message(), HasSubstr("llama-bpe"));
}

TEST(VocabularyLies, NoTokensAreRefused) {
  Vocabulary v = bytes_only();
  v.tokens.clear();
  EXPECT_FALSE(Tokenizer::create(std::move(v), "x").has_value());
}

TEST(VocabularyLies, TypesOfAnotherNumberAreRefused) {
  Vocabulary v = bytes_only();
  v.types.resize(3, TokenType::kNormal);
  EXPECT_FALSE(Tokenizer::create(std::move(v), "x").has_value());
}

TEST(VocabularyLies, SpecialIdsOutOfRangeAreRefused) {
  for (const TokenId id : {-1, 256, 1 << 30}) {
    Vocabulary v = bytes_only();
    v.eos = id;
    EXPECT_FALSE(Tokenizer::create(std::move(v), "x").has_value()) << id;
    v = bytes_only();
    v.extra_eog = {id};
    EXPECT_FALSE(Tokenizer::create(std::move(v), "x").has_value()) << id;
  }
}

TEST(VocabularyLies, MergesOfUnknownTokensDoNoHarm) {
  Vocabulary v = bytes_only();
  v.tokens.push_back("ab");
  v.merges = {"", " ", "a", "x y z", "q nothing", "\xff \xfe", "a b", "ab c"};
  const auto tokenizer = Tokenizer::create(std::move(v), "x");
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT(tokenizer->encode("abc"), ElementsAre(256, 'c'));
}

TEST(VocabularyLies, DuplicateTokensAndEmptyOnesDoNoHarm) {
  Vocabulary v = bytes_only();
  v.tokens.insert(v.tokens.end(), {"a", "", "", "a"});
  v.types.assign(v.tokens.size(), TokenType::kControl);
  const auto tokenizer = Tokenizer::create(std::move(v), "x");
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT(tokenizer->encode("ba"), ElementsAre('b', 259));
  EXPECT_THAT(tokenizer->encode("ba", {.parse_special = true}), ::testing::SizeIs(2));
}

TEST(VocabularyLies, BytesThatAreNoTokenAreDropped) {
  Vocabulary v = bytes_only();
  v.tokens.resize('c');
  const auto tokenizer = Tokenizer::create(std::move(v), "x");
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT(tokenizer->encode("abcd"), ElementsAre('a', 'b'));
}

TEST(VocabularyLies, TypesThatAreNoTypeDoNoHarm) {
  Vocabulary v = bytes_only();
  v.types.assign(v.tokens.size(), static_cast<TokenType>(77));
  EXPECT_TRUE(Tokenizer::create(std::move(v), "x").has_value());
}

}  // namespace
}  // namespace bp
