// From a folder to a GGUF file to a smaller one, as docs/models.md shows it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/mapped_file.h"
#include "program.h"

namespace bp::e2e {
namespace {

using testing::HasSubstr;

const std::string kGolden = BP_SOURCE_DIR "/tests/goldens/data/llama";
const std::string kIds = "[1, 5, 9, 200, 17, 3, 44, 8]";

json::value greedy(const std::string& model) {
  const Outcome outcome = run(
      {"eval", model, "--tokens", write_temp("ids.json", kIds), "--greedy", "5", "--device", "reference", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return outcome.document().at("lists");
}

TEST(Convert, AFolderBecomesOneFileThatComputesTheSame) {
  const std::string file = write_temp("model.gguf", "");
  const Outcome outcome = run({"convert", kGolden, file, "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::value document = outcome.document();
  EXPECT_EQ(document.at("path").as_string(), file);
  EXPECT_EQ(document.at("type").as_string(), "f32");
  EXPECT_EQ(document.at("size").to_number<uint64_t>(), std::filesystem::file_size(file));
  EXPECT_THAT(outcome.err, HasSubstr("converting: 100 %"));
  EXPECT_THAT(outcome.err, HasSubstr("note: "));
  EXPECT_EQ(greedy(file), greedy(kGolden));

  const std::string small = write_temp("model-q8_0.gguf", "");
  const Outcome quantized = run({"quantize", file, small, "q8_0", "--no-progress"});
  ASSERT_EQ(quantized.exit_code, 0) << quantized.err;
  EXPECT_EQ(quantized.out, small + "\n");
  EXPECT_EQ(quantized.err, "");
  EXPECT_LT(std::filesystem::file_size(small), std::filesystem::file_size(file) / 2);
  EXPECT_EQ(run({"eval", small, "--tokens", write_temp("ids.json", kIds)}).exit_code, 0);
}

std::string utf8(int code) {
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
}

// The golden with a vocabulary: every byte a token, written as byte-level BPE writes bytes.
std::string folder_with_vocabulary() {
  json::object vocab;
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool shown = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    vocab[utf8(shown ? byte : next++)] = byte;
  }
  const json::object tokenizer = {
      {"version", "1.0"},
      {"added_tokens", json::array{}},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       json::object{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
      {"post_processor", nullptr},
      {"decoder", json::object{{"type", "ByteLevel"}}},
      {"model", json::object{{"type", "BPE"}, {"vocab", vocab}, {"merges", json::array{}}}}};
  const std::string path = write_temp("tokenizer.json", write_json(tokenizer));
  const std::filesystem::path folder = std::filesystem::path(path).parent_path() / "with_vocabulary";
  std::filesystem::create_directories(folder);
  for (const char* name : {"config.json", "model.safetensors"}) {
    std::filesystem::copy_file(std::filesystem::path(kGolden) / name, folder / name,
                               std::filesystem::copy_options::overwrite_existing);
  }
  std::filesystem::rename(path, folder / "tokenizer.json");
  return folder.string();
}

TEST(Convert, TheVocabularyComesAlong) {
  const std::string folder = folder_with_vocabulary(), file = write_temp("vocabulary.gguf", "");
  const Outcome outcome = run({"convert", folder, file, "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(outcome.document().at("notes").as_array().empty()) << outcome.out;
  const std::string lines = R"("Hello, world!")"
                            "\n"
                            R"("na\u00efve  \ud83d\ude00\n")"
                            "\n";
  const Outcome expected = run({"tokenize", folder}, lines), found = run({"tokenize", file}, lines);
  ASSERT_EQ(found.exit_code, 0) << found.err;
  EXPECT_EQ(found.out, expected.out);
}

TEST(Convert, AnImportanceMatrixSteersTheRounding) {
  const std::string folder = folder_with_vocabulary(), file = write_temp("vocabulary.gguf", "");
  const std::string matrix = write_temp("model.imatrix.gguf", ""), plain = write_temp("plain.gguf", "");
  const std::string weighted = write_temp("weighted.gguf", "");
  std::string text;
  for (int i = 0; i < 40; ++i) text += "The quick brown fox jumps over the lazy dog. ";
  ASSERT_EQ(run({"convert", folder, file, "--no-progress"}).exit_code, 0);
  for (const char* device : {"reference", "cpu:0"}) {
    const Outcome outcome = run({"eval", file, "--text", write_temp("text.txt", text), "--imatrix", matrix, "--window",
                                 "64", "--device", device, "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_GT(outcome.document().at("perplexity").to_number<double>(), 1.0);
    ASSERT_EQ(run({"quantize", file, weighted, "q4_0", "--imatrix", matrix}).exit_code, 0);
    ASSERT_EQ(run({"quantize", file, plain, "q4_0"}).exit_code, 0);
    EXPECT_EQ(std::filesystem::file_size(matrix) % 32, 0u);
    const auto a = MappedFile::open(plain), b = MappedFile::open(weighted);
    ASSERT_TRUE(a && b);
    EXPECT_FALSE(std::ranges::equal(a->bytes(), b->bytes()));
  }
}

// Every command that docs/models.md shows, in the order of the page, with a small model in place of its big one.
TEST(Convert, EveryExampleOfThePageRuns) {
  const auto page = read_text_file(BP_SOURCE_DIR "/docs/models.md", 1 << 20);
  ASSERT_TRUE(page);
  const std::string folder = folder_with_vocabulary();
  const std::string calibration = write_temp("calibration.txt", "The quick brown fox jumps over the lazy dog. ");
  size_t n_commands = 0;
  bool in_block = false, in_example = false;
  std::istringstream lines(*page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      in_block = !in_block;
      in_example = in_block && line == "```";
    }
    const size_t at = line.find("backplane ");
    if (!in_example || at == std::string::npos) continue;
    const bool echoes = line.starts_with("echo '");  // echo 'INPUT' | backplane …
    ASSERT_TRUE(echoes || at == 0) << line;
    const std::string input = echoes ? line.substr(6, line.find("' |") - 6) + "\n" : "";
    std::vector<std::string> args;
    std::istringstream words(line.substr(at + std::string_view("backplane ").size()));
    for (std::string word; words >> word && word != "#";) {
      if (word == "Llama-3.2-1B" || word == "folder") word = folder;
      if (word == "calibration.txt") word = calibration;
      // A file that an earlier command of the page wrote, or that this one writes.
      if (word == "model.gguf") word = "llama-3.2-1b.gguf";
      if (word.ends_with(".gguf")) word = std::filesystem::path(calibration).parent_path() / ("page_" + word);
      args.push_back(word);
    }
    const Outcome outcome = run(args, input);
    EXPECT_EQ(outcome.exit_code, 0) << line << "\n" << outcome.err;
    EXPECT_FALSE(outcome.out.empty()) << line;
    ++n_commands;
  }
  EXPECT_EQ(n_commands, 8u);
}

TEST(Convert, WhatIsNoImportanceMatrixIsRefused) {
  const std::string file = write_temp("model.gguf", ""), matrix = write_temp("model.imatrix.gguf", "");
  const std::string small = write_temp("model-q4_0.gguf", "");
  ASSERT_EQ(run({"convert", kGolden, file, "--no-progress"}).exit_code, 0);
  EXPECT_EQ(run({"eval", file, "--tokens", write_temp("ids.json", kIds), "--imatrix", matrix}).exit_code, 2);
  const Outcome refused = run({"quantize", file, small, "q4_0", "--imatrix", file, "--json"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(std::string(refused.document().at("error").at("what").as_string()), HasSubstr("is no importance matrix"));
}

TEST(Convert, WrongUseIsTwoAndARefusedFileIsThree) {
  const std::string out = write_temp("out.gguf", "kept");
  EXPECT_EQ(run({"convert", kGolden}).exit_code, 2);
  EXPECT_EQ(run({"convert", kGolden, out, "--type", "q9"}).exit_code, 2);
  EXPECT_EQ(run({"convert", kGolden, "/nonexistent/out.gguf"}).exit_code, 2);
  EXPECT_EQ(run({"convert", "/nonexistent", out}).exit_code, 3);
  EXPECT_EQ(run({"quantize", kGolden + "/config.json", out, "q8_0"}).exit_code, 3);
  EXPECT_EQ(run({"quantize", out, out, "q9"}).exit_code, 2);
  const Outcome refused = run({"quantize", "/nonexistent.gguf", out, "q8_0", "--json"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_EQ(refused.document().at("error").at("code").as_string(), "refused");
  EXPECT_EQ(std::filesystem::file_size(out), 4u);
}

}  // namespace
}  // namespace bp::e2e
