#include "tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/json.h"
#include "smollm2.h"

namespace bp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct GoldenRow {
  std::string text;
  std::vector<TokenId> ids;
};

std::vector<GoldenRow> golden_rows() {
  std::vector<GoldenRow> rows;
  for (const auto& line : test::lines_of("smollm2_golden.jsonl")) {
    const json::value row = parse_json(line, "golden").value();
    GoldenRow& golden = rows.emplace_back();
    golden.text = std::string(row.at("text").as_string());
    for (const auto& id : row.at("ids").as_array()) golden.ids.push_back(static_cast<TokenId>(id.as_int64()));
  }
  return rows;
}

TEST(Tokenizer, EncodesAsTheReferenceDoes) {
  const auto rows = golden_rows();
  ASSERT_GT(rows.size(), 300u);
  for (const auto& row : rows) EXPECT_EQ(test::smollm2().encode(row.text), row.ids) << row.text;
}

TEST(Tokenizer, DecodesToTheText) {
  for (const auto& row : golden_rows()) EXPECT_EQ(test::smollm2().decode(row.ids, true), row.text);
}

TEST(Tokenizer, ParsesControlTokensOnlyWhenAsked) {
  const std::string text = "<|im_start|>user\nHi<|im_end|>";
  const auto parsed = test::smollm2().encode(text, {.parse_special = true});
  EXPECT_EQ(parsed.front(), 1);
  EXPECT_EQ(parsed.back(), 2);
  const auto plain = test::smollm2().encode(text);
  for (const TokenId id : plain) EXPECT_FALSE(test::smollm2().is_special(id));
  EXPECT_EQ(test::smollm2().decode(plain, true), text);
  EXPECT_EQ(test::smollm2().decode(parsed, false), text);
  EXPECT_EQ(test::smollm2().decode(parsed, true), "user\nHi");
}

TEST(Tokenizer, AddsWhatTheModelAdds) {
  Vocabulary v = test::smollm2_vocabulary();
  v.add_bos = true;
  v.add_eos = true;
  const auto tokenizer = Tokenizer::create(std::move(v), "test");
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT(tokenizer->encode("", {.add_special = true}), ElementsAre(1, 2));
  EXPECT_THAT(tokenizer->encode(""), ElementsAre());
}

TEST(Tokenizer, KnowsWhatEndsAGeneration) {
  EXPECT_TRUE(test::smollm2().is_end_of_generation(2));
  EXPECT_TRUE(test::smollm2().is_end_of_generation(0)) << "<|endoftext|> by its name";
  EXPECT_FALSE(test::smollm2().is_end_of_generation(1));
  EXPECT_FALSE(test::smollm2().is_end_of_generation(-1));
}

TEST(Tokenizer, FindsTokensAsTheFileWritesThem) {
  EXPECT_EQ(test::smollm2().find("<|im_end|>"), 2);
  EXPECT_EQ(test::smollm2().find("Ġ"), 216);
  EXPECT_EQ(test::smollm2().piece_bytes(216), " ");
  EXPECT_EQ(test::smollm2().find("no such token"), std::nullopt);
  EXPECT_EQ(test::smollm2().piece_bytes(1 << 30), "");
}

TEST(Tokenizer, UserDefinedTokensAlwaysMatch) {
  Vocabulary v = test::smollm2_vocabulary();
  v.tokens.push_back("»¤ mark");
  v.types.push_back(TokenType::kUserDefined);
  const auto id = static_cast<TokenId>(v.tokens.size() - 1);
  const auto tokenizer = Tokenizer::create(std::move(v), "test");
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT(tokenizer->encode("»¤ mark»¤ mark"), ElementsAre(id, id));
  EXPECT_EQ(tokenizer->decode(std::vector{id}, true), "»¤ mark");
  EXPECT_EQ(tokenizer->find("»¤ mark"), id);
}

TEST(Tokenizer, BytesThatAreNoUtf8NeitherCrashNorComeBackAsTheyWere) {
  const std::string text = "a\xff\xc3 b\xe4\xb8";
  const auto ids = test::smollm2().encode(text);
  EXPECT_FALSE(ids.empty());
  EXPECT_THAT(test::smollm2().decode(ids, true), HasSubstr("a"));
}

TEST(Tokenizer, SeveralThreadsMayEncodeAtOnce) {
  const auto rows = golden_rows();
  const auto tokenizer = Tokenizer::create(test::smollm2_vocabulary(), "test");
  ASSERT_TRUE(tokenizer.has_value());
  std::vector<int> wrong(4, 0);
  std::vector<std::jthread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (const auto& row : rows) count += tokenizer->encode(row.text) != row.ids;
    });
  }
  threads.clear();
  EXPECT_THAT(wrong, ElementsAre(0, 0, 0, 0));
}

}  // namespace
}  // namespace bp
