// Folders without tokenizer.json: the ids are those that Hugging Face's tokenizers give for the pipeline that
// transformers makes of the files (data/pipelines.jsonl).
#include "tokenizer/tokenizer_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "smollm2.h"
#include "tokenizer/normal_form.h"

namespace bp {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Folder : public testing::Test {
 protected:
  Folder() : path_(fs::path(testing::TempDir()) / ("tokenizer_folder_" + std::to_string(getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() override { fs::remove_all(path_); }

  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  Result<Tokenizer> load() const { return tokenizer_of_folder(path_.string()); }
  std::string refusal() const {
    const auto tokenizer = load();
    return tokenizer ? "accepted" : tokenizer.error().message();
  }

  // A vocab.json and merges.txt, or vocab.txt, of a model of pipelines.jsonl.
  void write_model(const json::object& model) const {
    if (const json::value* merges = model.if_contains("merges")) {
      std::string lines = "#version: 0.2\n";
      for (const json::value& merge : merges->as_array()) {
        lines += std::string(merge.at(0).as_string()) + " " + std::string(merge.at(1).as_string()) + "\n";
      }
      write("merges.txt", lines);
      write("vocab.json", write_json(model.at("vocab")));
      return;
    }
    std::vector<std::string> words(model.at("vocab").as_object().size());
    for (const auto& [word, id] : model.at("vocab").as_object()) words.at(static_cast<size_t>(id.as_int64())) = word;
    std::string lines;
    for (const std::string& word : words) lines += word + "\n";
    write("vocab.txt", lines);
  }

  // Every case of pipeline `name`, whose model is written too: the ids, and those with what the pipeline adds.
  void expect_pipeline(const std::string& name, const std::string& config) const {
    write("tokenizer_config.json", config);
    std::vector<json::value> models;
    size_t n_cases = 0;
    for (const std::string& line : test::lines_of("pipelines.jsonl")) {
      const json::value row = parse_json(line, "pipelines").value();
      if (!row.as_object().contains("name")) models.push_back(row.at("model"));
      if (!row.as_object().contains("name") || row.at("name").as_string() != name) continue;
      write_model(models.at(static_cast<size_t>(row.at("model").as_int64())).as_object());
      const auto tokenizer = load();
      ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
      for (const json::value& entry : row.at("cases").as_array()) {
        const std::string text(entry.at("text").as_string());
        if (text.find("tool") != std::string::npos || text.find("tok") != std::string::npos) continue;  // added there
        if (normalize(text, NormalForm::kC) != text) continue;  // Qwen 2 composes, its pipeline there does not
        SCOPED_TRACE(name + ": " + write_json_string(text, true));
        EXPECT_EQ(tokenizer->encode(text, {.parse_special = true}), ids_of(entry.at("ids")));
        EXPECT_EQ(tokenizer->encode(text, {.add_special = true, .parse_special = true}),
                  ids_of(entry.at("special_ids")));
        ++n_cases;
      }
    }
    EXPECT_GT(n_cases, 10u) << name;
  }

  static std::vector<TokenId> ids_of(const json::value& list) {
    std::vector<TokenId> ids;
    for (const json::value& id : list.as_array()) ids.push_back(static_cast<TokenId>(id.as_int64()));
    return ids;
  }

  fs::path path_;
};

// [MASK] is a token of the pipelines beside their models.
constexpr const char* kSpecial =
    R"("bos_token": "<s>", "eos_token": {"content": "</s>"}, "unk_token": null, "added_tokens_decoder":
       {"594": {"content": "[MASK]", "lstrip": true, "special": true}})";

TEST_F(Folder, VocabJsonAndMergesAreGpt2sUnlessTheClassSaysOtherwise) {
  expect_pipeline("byte level, prefix False", std::string("{") + kSpecial + "}");
  expect_pipeline(
      "byte level, prefix True",
      std::string(R"({"tokenizer_class": "GPT2TokenizerFast", "add_prefix_space": true, )") + kSpecial + "}");
}

TEST_F(Folder, RobertaPutsItsTokensAround) {
  expect_pipeline("roberta", R"({"tokenizer_class": "RobertaTokenizer", "add_prefix_space": true})");
}

TEST_F(Folder, Qwen2SplitsByItsOwnPatternAndComposes) {
  expect_pipeline("split qwen 2", std::string(R"({"tokenizer_class": "Qwen2Tokenizer", )") + kSpecial + "}");
  const auto tokenizer = load();
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_EQ(tokenizer->encode("e\u0301"), tokenizer->encode("\u00e9"));
}

TEST_F(Folder, VocabTxtIsBerts) {
  constexpr const char* kMore =
      R"("added_tokens_decoder": {"397": {"content": "<s>", "special": true}, "398": {"content": "</s>", "special": true},
         "3": {"content": "[MASK]", "special": true, "lstrip": true}})";
  expect_pipeline("bert True", std::string("{") + kMore + "}");
  expect_pipeline("bert False",
                  std::string(R"({"tokenizer_class": "BertTokenizer", "do_lower_case": false, )") + kMore + "}");
}

TEST_F(Folder, TheModelTypeStandsForAMissingClass) {
  write("vocab.json", R"({"a": 0, "b": 1, "<s>": 2, "</s>": 3, "<mask>": 4, "Ġ": 5})");
  write("merges.txt", "");
  EXPECT_THAT(refusal(), HasSubstr("fetch merges.txt too"));
  write("merges.txt", "#version: 0.2\r\n");
  write("config.json", R"({"model_type": "roberta"})");
  auto tokenizer = load();
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
  EXPECT_THAT(tokenizer->encode("ab", {.add_special = true}), ElementsAre(2, 0, 1, 3));
  EXPECT_THAT(tokenizer->encode("a <mask>", {.parse_special = true}), ElementsAre(0, 4)) << "takes the space before it";
  EXPECT_EQ(tokenizer->eos(), 3);
  write("special_tokens_map.json", R"({"eos_token": "b", "additional_special_tokens": ["a"]})");
  write("added_tokens.json", R"({"<extra>": 6})");
  tokenizer = load();
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
  EXPECT_EQ(tokenizer->eos(), 1);
  EXPECT_TRUE(tokenizer->is_special(0));
  EXPECT_THAT(tokenizer->encode("<extra>"), ElementsAre(6));
}

TEST_F(Folder, ClassesOfOtherFilesAndDamageAreRefusedByName) {
  EXPECT_THAT(refusal(), HasSubstr("holds no tokenizer"));
  write("vocab.txt", "[UNK]\na\n");
  write("tokenizer_config.json", R"({"tokenizer_class": "EsmTokenizer"})");
  EXPECT_THAT(refusal(), testing::AllOf(HasSubstr("EsmTokenizer"), HasSubstr("BertTokenizer")));
  write("vocab.json", "[]");
  write("merges.txt", "a b");
  write("tokenizer_config.json", R"({"tokenizer_class": "CLIPTokenizer"})");
  EXPECT_THAT(refusal(), testing::AllOf(HasSubstr("CLIPTokenizer"), HasSubstr("GPT2Tokenizer")));
  write("tokenizer_config.json", "{}");
  EXPECT_THAT(refusal(), HasSubstr("no object"));
  write("vocab.json", R"({"a": "b"})");
  EXPECT_THAT(refusal(), HasSubstr("not a whole number"));
  write("vocab.json", R"({"a": 0})");
  write("added_tokens.json", R"({"b": "c"})");
  EXPECT_THAT(refusal(), HasSubstr("has no id"));
}

std::string file_in_data(const std::string& name) {
  std::ifstream file(BP_SOURCE_DIR "/tests/core/tokenizer/data/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(Folder, SentencePieceModelsGoByThreeNames) {
  const std::string model = file_in_data("unigram_bytes.model");
  const std::string text = "The quick brown fox";
  write("spiece.model", model);
  const auto plain = load();
  ASSERT_TRUE(plain.has_value()) << plain.error().message();
  const auto ids = plain->encode(text);
  fs::rename(path_ / "spiece.model", path_ / "tokenizer.model");
  EXPECT_EQ(load()->encode(text), ids);
  // XLM-RoBERTa's file: <s> <pad> </s> <unk>, then the model's own from the fourth on, then <mask>.
  fs::rename(path_ / "tokenizer.model", path_ / "sentencepiece.bpe.model");
  const auto shifted = load();
  ASSERT_TRUE(shifted.has_value()) << shifted.error().message();
  std::vector<TokenId> expected{0};
  for (const TokenId id : ids) expected.push_back(id + 1);
  expected.push_back(2);
  EXPECT_EQ(shifted->encode(text, {.add_special = true}), expected);
  EXPECT_EQ(shifted->decode(expected, true), text);
  EXPECT_EQ(shifted->size(), plain->size() + 2);
  EXPECT_EQ(shifted->find("<mask>"), static_cast<TokenId>(plain->size() + 1));
  write("tokenizer_config.json", R"({"tokenizer_class": "LlamaTokenizer"})");
  EXPECT_EQ(load()->encode(text), ids) << "the class counts for more than the file's name";
  write("tokenizer_config.json", R"({"tokenizer_class": "CamembertTokenizer"})");
  EXPECT_THAT(refusal(), HasSubstr("CamembertTokenizer"));
  write("tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer", "extra_ids": 3})");
  const auto t5 = load();
  ASSERT_TRUE(t5.has_value());
  EXPECT_EQ(t5->find("<extra_id_0>"), static_cast<TokenId>(plain->size() + 2));
}

}  // namespace
}  // namespace bp
