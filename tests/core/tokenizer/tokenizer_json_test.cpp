#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "smollm2.h"
#include "tokenizer/tokenizer.h"

namespace bp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A small tokenizer.json; tests change parts of it.
json::object small() {
  return parse_json(R"({
    "version": "1.0",
    "added_tokens": [
      {"id": 5, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
      {"id": 6, "content": "<tool>", "single_word": false, "lstrip": true, "rstrip": false, "normalized": false, "special": false},
      {"id": 7, "content": "é!", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}],
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
      "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [5], "tokens": ["<s>"]}}},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "fuse_unk": false, "byte_fallback": false,
      "vocab": {"a": 0, "b": 1, "Ġ": 2, "ab": 3, "Ġab": 4}, "merges": ["a b", ["Ġ", "ab"]]}})",
                    "small")
      .value()
      .as_object();
}

Result<Tokenizer> load(const json::object& root, std::string_view config = "") {
  return Tokenizer::from_json(write_json(root), config, "tokenizer.json");
}

TEST(TokenizerJson, ExecutesTheDeclaredPipeline) {
  const auto tokenizer = load(small());
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
  EXPECT_EQ(tokenizer->size(), 8u);
  EXPECT_THAT(tokenizer->encode("ab ab"), ElementsAre(3, 4));
  EXPECT_THAT(tokenizer->encode("ab", {.add_special = true}), ElementsAre(5, 3));
  EXPECT_THAT(tokenizer->encode("a <tool>b"), ElementsAre(0, 6, 1)) << "the space before it is taken";
  EXPECT_THAT(tokenizer->encode("ae\u0301!b"), ElementsAre(0, 7, 1)) << "matched in the normalised text";
  EXPECT_THAT(tokenizer->encode("<s>a", {.parse_special = true}), ElementsAre(5, 0));
  EXPECT_THAT(tokenizer->encode("<s>a"), ElementsAre(0));
}

TEST(TokenizerJson, TheConfigNamesBosAndEos) {
  const auto tokenizer =
      load(small(), R"({"bos_token": {"content": "<s>"}, "eos_token": "<tool>", "add_eos_token": true})");
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_EQ(tokenizer->bos(), 5);
  EXPECT_EQ(tokenizer->eos(), 6);
  EXPECT_TRUE(tokenizer->is_end_of_generation(6));
  EXPECT_THAT(tokenizer->encode("a", {.add_special = true}), ElementsAre(5, 0, 6));
}

TEST(TokenizerJson, KnownSplitsAreRecognisedByTheirText) {
  json::object root = small();
  root["pre_tokenizer"] = parse_json(R"J({"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
     "behavior": "Isolated", "invert": false},
    {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]})J",
                                     "pre")
                              .value();
  const auto tokenizer = load(root);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
  EXPECT_THAT(tokenizer->encode("ab ab"), ElementsAre(3, 4));
}

TEST(TokenizerJson, PartsWeDoNotHaveAreRefusedByName) {
  const std::pair<const char*, const char*> parts[] = {
      {"normalizer", R"({"type": "Uppercase"})"},      {"pre_tokenizer", R"({"type": "UnicodeScripts"})"},
      {"post_processor", R"({"type": "Pairs"})"},      {"decoder", R"({"type": "CTC"})"},
      {"model", R"({"type": "Bigram", "vocab": []})"},
  };
  for (const auto& [key, text] : parts) {
    json::object root = small();
    root[key] = parse_json(text, "part").value();
    const auto result = load(root);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
    const json::string name = root[key].at("type").as_string();
    EXPECT_THAT(result.error().message(), HasSubstr(std::string(name)));
  }
}

TEST(TokenizerJson, DamagedFilesAreRefused) {
  for (const char* text : {"", "[]", "{}", "{\"model\": 3}", R"({"model": {"type": "BPE"}})",
                           R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})",
                           R"({"model": {"type": "BPE", "vocab": {"a": 1e9}, "merges": []}})",
                           R"({"model": {"type": "BPE", "vocab": {"a": 4000000000}, "merges": []}})",
                           R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [7]}})",
                           R"({"added_tokens": [3], "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}})"}) {
    EXPECT_FALSE(Tokenizer::from_json(text, "", "tokenizer.json").has_value()) << text;
  }
  EXPECT_FALSE(load(small(), "{").has_value());
}

TEST(TokenizerJson, ItsUnknownTokenStandsForMissingBytes) {
  json::object root = small();
  root["model"].as_object()["unk_token"] = "<s>";
  const auto tokenizer = load(root);
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_THAT(tokenizer->encode("azb"), ElementsAre(0, 5, 1));
}

}  // namespace
}  // namespace bp
