#include "engine/text_stream.h"

#include <gtest/gtest.h>

namespace bp {
namespace {

// Byte-level tokens: the id of a byte is its place among the 256 of the alphabet, then the words.
Tokenizer bytes_and(const std::vector<std::string>& words) {
  Vocabulary vocabulary;
  vocabulary.model = "gpt2";
  vocabulary.pre = "gpt-2";
  const auto utf8 = [](int code_point) {
    if (code_point < 0x80) return std::string(1, static_cast<char>(code_point));
    return std::string{static_cast<char>(0xc0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 0x3f))};
  };
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte < 127) || (byte >= 161 && byte < 173) || byte >= 174;
    vocabulary.tokens.push_back(utf8(printable ? byte : next++));
    vocabulary.types.push_back(TokenType::kNormal);
  }
  for (const std::string& word : words) {
    vocabulary.tokens.push_back(word);
    vocabulary.types.push_back(TokenType::kNormal);
  }
  auto tokenizer = Tokenizer::create(std::move(vocabulary), "test");
  EXPECT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
  return std::move(*tokenizer);
}

std::string stream_all(TextStream& stream, const Tokenizer& tokenizer, std::string_view text) {
  std::string out;
  for (const TokenId id : tokenizer.encode(text, {})) out += stream.push(id);
  return out + stream.finish();
}

TEST(TextStream, GivesWholeCharactersOnly) {
  const Tokenizer tokenizer = bytes_and({});
  TextStream stream(tokenizer, {});
  const auto ids = tokenizer.encode("é", {});
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_EQ(stream.push(ids[0]), "");
  EXPECT_EQ(stream.push(ids[1]), "é");
}

TEST(TextStream, EndsBeforeAStopStringEvenWhenItComesInPieces) {
  const Tokenizer tokenizer = bytes_and({});
  TextStream stream(tokenizer, {"END", ""});
  EXPECT_EQ(stream_all(stream, tokenizer, "one EN two EEND three"), "one EN two E");
  EXPECT_TRUE(stream.stopped());
}

TEST(TextStream, GivesBackWhatOnlyLookedLikeAStop) {
  const Tokenizer tokenizer = bytes_and({});
  TextStream stream(tokenizer, {"</s>"});
  EXPECT_EQ(stream_all(stream, tokenizer, "a </s"), "a </s");
  EXPECT_FALSE(stream.stopped());
}

}  // namespace
}  // namespace bp
