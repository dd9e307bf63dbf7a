// From a folder to a GGUF file to a smaller one, as docs/models.md shows it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

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
