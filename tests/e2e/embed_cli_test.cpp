// Encoders on the command line: embed, and eval and explain of them. The model is a golden, with a vocabulary of 96.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/mapped_file.h"
#include "program.h"

namespace bp::e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kBert = BP_SOURCE_DIR "/tests/goldens/data/hf_bert_mean_normalized";

// The golden with a WordPiece tokenizer of single letters: [CLS] is 2, [SEP] 3, "a" 5, "##a" 31.
std::string model_with_tokenizer() {
  const fs::path folder = fs::path(write_temp("stdin", "")).parent_path() / "embed_model";
  fs::create_directories(folder / "1_Pooling");
  for (const char* name : {"config.json", "model.safetensors", "modules.json", "1_Pooling/config.json"}) {
    fs::copy_file(fs::path(kBert) / name, folder / name, fs::copy_options::overwrite_existing);
  }
  json::object vocab;
  for (const char* special : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) vocab[special] = vocab.size();
  for (const char* prefix : {"", "##"}) {
    for (char c = 'a'; c <= 'z'; ++c) vocab[std::string(prefix) + c] = vocab.size();
  }
  json::array added;
  for (int id = 0; id < 5; ++id) {
    added.push_back(json::object{{"id", id},
                                 {"content", (vocab.begin() + id)->key()},
                                 {"single_word", false},
                                 {"lstrip", false},
                                 {"rstrip", false},
                                 {"normalized", false},
                                 {"special", true}});
  }
  const auto parse = [](const char* text) { return *parse_json(text, "test"); };
  const json::object tokenizer = {
      {"version", "1.0"},
      {"added_tokens", added},
      {"normalizer", parse(R"({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                               "strip_accents": null, "lowercase": true})")},
      {"pre_tokenizer", parse(R"({"type": "BertPreTokenizer"})")},
      {"post_processor", parse(R"({"type": "TemplateProcessing",
         "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                    {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
         "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
         "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                            "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}})")},
      {"decoder", parse(R"({"type": "WordPiece", "prefix": "##", "cleanup": true})")},
      {"model", json::object{{"type", "WordPiece"},
                             {"unk_token", "[UNK]"},
                             {"continuing_subword_prefix", "##"},
                             {"max_input_chars_per_word", 100},
                             {"vocab", vocab}}}};
  write_temp("embed_model/tokenizer.json", write_json(tokenizer));
  return folder.string();
}

std::vector<std::vector<float>> rows_of(const std::string& out) {
  std::vector<std::vector<float>> rows;
  for (size_t at = 0; at < out.size();) {
    const size_t end = out.find('\n', at);
    const auto value = parse_json(std::string_view(out).substr(at, end - at), "row");
    EXPECT_TRUE(value) << value.error().message();
    rows.emplace_back();
    for (const json::value& x : value->as_array()) rows.back().push_back(x.to_number<float>());
    at = end + 1;
  }
  return rows;
}

// The rows of an .npy file of `n` rows of 32.
std::vector<std::vector<float>> npy_rows(const std::string& path, size_t n) {
  const auto file = MappedFile::open(path);
  EXPECT_TRUE(file);
  EXPECT_EQ(file->bytes().size(), 128 + n * 32 * sizeof(float));
  std::vector<std::vector<float>> rows(n, std::vector<float>(32));
  for (size_t i = 0; i < n; ++i) std::memcpy(rows[i].data(), file->bytes().data() + 128 + i * 128, 128);
  return rows;
}

TEST(EmbedCli, GivesTheEmbeddingsOfTheTokens) {
  const std::string model = model_with_tokenizer();
  for (const char* device : {"cpu:0", "reference"}) {
    const Outcome embed = run({"embed", model, "--device", device}, "\"ab c\"\n\n\"\"\n");
    ASSERT_EQ(embed.exit_code, 0) << embed.err;
    const std::string npy = write_temp("embedded.npy", "");
    const Outcome eval = run({"eval", model, "--tokens", write_temp("embedded.jsonl", "[2, 5, 32, 7, 3]\n[2, 3]\n"),
                              "--logits", npy, "--device", device, "--json"});
    ASSERT_EQ(eval.exit_code, 0) << eval.err;
    EXPECT_EQ(rows_of(embed.out), npy_rows(npy, 2));
    EXPECT_EQ(eval.document().at("lists").at(1).at("n_tokens").as_int64(), 2);
    const Outcome argument = run({"embed", model, "ab c", "--device", device});
    EXPECT_EQ(argument.out, embed.out.substr(0, embed.out.find('\n') + 1));
  }
}

TEST(EmbedCli, TogetherIsAsAlone) {
  const std::string model = model_with_tokenizer();
  std::string lines;
  for (int i = 0; i < 9; ++i) lines += "\"" + std::string(static_cast<size_t>(i * 5), 'b') + " text\"\n";
  const Outcome alone = run({"embed", model}, lines);
  ASSERT_EQ(alone.exit_code, 0) << alone.err;
  EXPECT_EQ(rows_of(alone.out).size(), 9u);
  EXPECT_EQ(run({"embed", model, "--batch", "4"}, lines).out, alone.out);
}

TEST(EmbedCli, LeavesTheEndOfLongTextsOutAndSaysSo) {
  const std::string model = model_with_tokenizer();  // 64 positions
  const auto words = [](int n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += "x ";
    return "\"" + text + "\"\n";
  };
  const Outcome fits = run({"embed", model}, words(62));
  EXPECT_EQ(fits.err, "");
  const Outcome longer = run({"embed", model}, words(70));
  ASSERT_EQ(longer.exit_code, 0) << longer.err;
  EXPECT_EQ(longer.out, fits.out);
  EXPECT_THAT(longer.err, HasSubstr("standard input:1: is too long for the model, which takes 64 tokens; the last 8"));
}

TEST(EmbedCli, RefusesWrongUse) {
  const std::string model = model_with_tokenizer();
  EXPECT_EQ(run({"embed", model}, "[1]\n").exit_code, 2);
  EXPECT_EQ(run({"embed", model}, "text\n").exit_code, 2);
  EXPECT_EQ(run({"embed", model, "--batch", "0"}, "").exit_code, 2);
  const Outcome no_tokenizer = run({"embed", kBert}, "\"a\"\n");
  EXPECT_NE(no_tokenizer.exit_code, 0);
  EXPECT_THAT(no_tokenizer.err, HasSubstr("tokenizer"));
  const Outcome decoder = run({"embed", BP_SOURCE_DIR "/tests/goldens/data/llama"}, "\"a\"\n");
  EXPECT_EQ(decoder.exit_code, 2);
  EXPECT_THAT(decoder.err, HasSubstr("is a llama model, which continues text"));
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"run", model, "hello", "--raw"}, {"bench", model}}) {
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.exit_code, 2) << command[0];
    EXPECT_THAT(outcome.err, HasSubstr("is a bert encoder, which continues no text")) << command[0];
  }
  const std::string ids = write_temp("encoder.json", "[2, 3]");
  const std::string npy = write_temp("encoder.npy", "");
  for (const std::vector<std::string>& more :
       std::vector<std::vector<std::string>>{{"--tokens", ids},
                                             {"--tokens", ids, "--logits", npy, "--greedy", "2"},
                                             {"--tokens", ids, "--logits", npy, "--chunk", "2"},
                                             {"--text", ids}}) {
    std::vector<std::string> command = {"eval", model};
    command.insert(command.end(), more.begin(), more.end());
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.exit_code, 2) << more.back();
    EXPECT_THAT(outcome.err, HasSubstr("is an encoder, for which")) << more.back();
  }
}

TEST(EmbedCli, ExplainShowsTheEncoder) {
  const Outcome outcome = run({"explain", kBert, "--json", "--tokens", "9"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::value document = outcome.document();
  bool attends = false;
  for (const auto& node : document.at("nodes").as_array()) {
    attends |= node.at("op").as_string() == "attention_ragged";
    EXPECT_NE(node.at("kernel").as_string(), "reference") << write_json(node);
  }
  EXPECT_TRUE(attends);
}

TEST(EmbedCli, ThePageShowsWhatWorks) {
  const auto page = read_text_file(BP_SOURCE_DIR "/docs/cli.md", 1 << 20);
  ASSERT_TRUE(page);
  EXPECT_THAT(*page, HasSubstr("$ printf '\"A text\"\\n\"Another\"\\n' | backplane embed all-minilm-l6-v2 --batch 2"));
  const Outcome outcome = run({"embed", model_with_tokenizer(), "--batch", "2"}, "\"A text\"\n\"Another\"\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(rows_of(outcome.out).size(), 2u);
}

}  // namespace
}  // namespace bp::e2e
