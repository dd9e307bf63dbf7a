// tokenizer.model files that Google's sentencepiece trained, against what it makes of odd strings
// (make/sentencepiece_models.py); and damaged ones. BP_SENTENCEPIECE names another folder of them.
#include "tokenizer/sentence_piece_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "base/json.h"
#include "tokenizer/detokenizer.h"
#include "tokenizer/tokenizer.h"

namespace bp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string folder() {
  const char* other = std::getenv("BP_SENTENCEPIECE");
  return other != nullptr ? other : BP_SOURCE_DIR "/tests/core/tokenizer/data";
}

std::string bytes_of(const std::string& name) {
  std::ifstream file(folder() + "/" + name, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

Result<Tokenizer> load(std::string_view bytes, std::string_view config = "", std::string_view added = "") {
  return Tokenizer::from_sentence_piece(bytes, config, added, "tokenizer.model");
}

TEST(SentencePieceModel, EncodesAndDecodesAsTheLibraryDoes) {
  std::ifstream file(folder() + "/sentencepiece.jsonl");
  size_t n_models = 0;
  for (std::string line; std::getline(file, line); ++n_models) {
    const json::value row = parse_json(line, "golden").value();
    const std::string name(row.at("model").as_string());
    const auto tokenizer = load(bytes_of(name));
    ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
    for (const json::value& entry : row.at("cases").as_array()) {
      const std::string text(entry.at("text").as_string());
      SCOPED_TRACE(name + ": " + write_json_string(text, true));
      std::vector<TokenId> ids;
      for (const json::value& id : entry.at("ids").as_array()) ids.push_back(static_cast<TokenId>(id.as_int64()));
      EXPECT_EQ(tokenizer->encode(text), ids);
      EXPECT_EQ(tokenizer->decode(ids, true), std::string(entry.at("decoded").as_string()));
    }
  }
  EXPECT_EQ(n_models, 6u);
}

TEST(SentencePieceModel, CutShortAtAnyByteItIsRefusedOrShorter) {
  const std::string whole = bytes_of("bpe_plain.model");
  for (size_t size = 0; size < whole.size(); size += 7) {
    const auto vocabulary = read_sentence_piece_model(std::string_view(whole).substr(0, size), "x");
    EXPECT_TRUE(!vocabulary || vocabulary->tokens.size() <= 400u) << size;
  }
  EXPECT_FALSE(read_sentence_piece_model("", "x").has_value());
  EXPECT_FALSE(read_sentence_piece_model(std::string_view(whole).substr(0, 5), "x").has_value());
}

TEST(SentencePieceModel, ChangedBytesDoNoHarm) {
  const std::string whole = bytes_of("unigram_nmt.model");
  std::mt19937 rng(5);
  for (int round = 0; round < 200; ++round) {
    std::string bytes = whole.substr(0, 6000) + whole.substr(whole.size() - 2000);
    for (int i = 0; i < 8; ++i) bytes[rng() % bytes.size()] = static_cast<char>(rng());
    const auto tokenizer = load(bytes);
    if (tokenizer) tokenizer->decode(tokenizer->encode("Ünïcödé ﬁ the  quick\tfox"), true);
  }
}

TEST(SentencePieceModel, WhatItIsNotIsRefusedByName) {
  using namespace std::string_literals;
  const std::string piece = "\x0a\x03\x0a\x01"s + "a";
  const auto word = read_sentence_piece_model(piece + "\x12\x02\x18\x03"s, "m.model");
  ASSERT_FALSE(word.has_value());
  EXPECT_EQ(word.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(word.error().message(), HasSubstr("model type 3"));
  const auto unescaped = read_sentence_piece_model(piece + "\x1a\x02\x28\x00"s, "m.model");
  ASSERT_FALSE(unescaped.has_value());
  EXPECT_THAT(unescaped.error().message(), HasSubstr("escape_whitespaces"));
  EXPECT_FALSE(read_sentence_piece_model(piece + "\x0b"s, "m.model").has_value()) << "a group";
  EXPECT_FALSE(read_sentence_piece_model(piece + "\x0a\xff\xff\xff\xff\x0f"s, "m.model").has_value()) << "4 GiB";
  EXPECT_FALSE(read_sentence_piece_model("\x0a\x02\x18\x09"s, "m.model").has_value()) << "a piece of type 9";
  EXPECT_FALSE(read_sentence_piece_model("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s, "m.model").has_value());
}

TEST(SentencePieceModel, TheFilesBesideItAddTokensAndSayWhatIsAdded) {
  const std::string model = bytes_of("bpe_bytes.model");
  const auto plain = load(model);
  ASSERT_TRUE(plain.has_value());
  const auto n = static_cast<TokenId>(plain->size());
  EXPECT_THAT(plain->encode("", {.add_special = true}), ElementsAre(1)) << "BOS unless told otherwise";
  const std::string key = std::to_string(n);
  const auto tokenizer = load(model,
                              R"({"add_bos_token": false, "add_eos_token": true, "eos_token": {"content": "<|end|>"},
                                  "added_tokens_decoder": {")" +
                                  key + R"(": {"content": "<|end|>", "special": true, "rstrip": true}}})",
                              R"({"<|more|>": )" + std::to_string(n + 1) + "}");
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
  EXPECT_EQ(tokenizer->eos(), n);
  EXPECT_THAT(tokenizer->encode("", {.add_special = true}), ElementsAre(n));
  const auto ids = tokenizer->encode("<|end|>  <|more|>", {.parse_special = true});
  EXPECT_THAT(ids, ElementsAre(n, n + 1));
  EXPECT_EQ(tokenizer->decode(ids, false), "<|end|><|more|>");
  EXPECT_FALSE(load(model, R"({"added_tokens_decoder": {"x": {}}})").has_value());
  EXPECT_FALSE(load(model, "", R"({"a": 4000000000})").has_value());
  EXPECT_FALSE(load(model, "", R"({"a": "b"})").has_value());
}

TEST(SentencePieceModel, AContinuedStreamKeepsItsFirstSpace) {
  const auto tokenizer = load(bytes_of("bpe_bytes.model"));
  ASSERT_TRUE(tokenizer.has_value());
  const auto ids = tokenizer->encode("the fox");
  for (const bool continues : {false, true}) {
    Detokenizer detokenizer(*tokenizer, true, continues);
    std::string text;
    for (const TokenId id : ids) text += detokenizer.push(id);
    EXPECT_EQ(text + detokenizer.flush(), continues ? " the fox" : "the fox");
  }
}

}  // namespace
}  // namespace bp
