#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "program.h"

namespace bp::e2e {
namespace {

using testing::HasSubstr;

const std::string kGolden = BP_SOURCE_DIR "/tests/goldens/data/llama";
const std::string kIds = "[1, 5, 9, 200, 17, 3, 44, 8]";

// What docs/cli.md and docs/performance.md show.
TEST(Cli, BenchTakesTwoSettingsInTurn) {
  const std::vector<std::string> args = {"bench", kGolden, "-p", "8", "-n", "4", "-r", "3", "--device", "reference"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), args.begin(), args.end());
    return run(more);
  };
  const Outcome outcome = with({"--versus", "engine.overlap=false", "--versus", "tune.mode=off", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::value document = outcome.document();
  const json::array& rows = document.at("rows").as_array();
  ASSERT_EQ(rows.size(), 2u);
  for (const auto& row : rows) {
    EXPECT_GT(row.at("tps_median").as_double(), 0);
    EXPECT_GT(row.at("versus").at("tps_median").as_double(), 0);
    EXPECT_EQ(row.at("versus").at("test"), row.at("test"));
    EXPECT_LE(row.at("ratio_quartiles").at(0).as_double(), row.at("ratio").as_double());
    EXPECT_GE(row.at("ratio_quartiles").at(1).as_double(), row.at("ratio").as_double());
  }
  EXPECT_THAT(with({"--versus", "engine.overlap=false"}).out, HasSubstr("times the tokens/s"));
  EXPECT_EQ(with({"--versus", "engine.overlap"}).exit_code, with({"--set", "engine.overlap"}).exit_code);
  EXPECT_EQ(with({"--versus", "no.such=1"}).exit_code, with({"--set", "no.such=1"}).exit_code);
  EXPECT_EQ(run({"bench", "limits", "--versus", "tune.mode=off"}).exit_code, 2);
}

// What docs/tuning.md shows.
TEST(Cli, TuneKeepsWhatLaterRunsUse) {
  const std::string cache = testing::TempDir() + "/backplane_tune_" + std::to_string(::getpid());
  std::filesystem::remove_all(cache);
  const std::string place = "models.cache_dir=" + cache;
  const auto with = [&](std::vector<std::string> args) {
    args.insert(args.end(), {"--device", "cpu:0", "--set", place});
    return run(args);
  };
  const Outcome tuned =
      with({"tune", kGolden, "--tokens", "1", "--tokens", "8", "--repeats", "1", "--least-ms", "0.01", "--json"});
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  EXPECT_THAT(tuned.err, HasSubstr("problems")) << "progress";
  const json::value document = tuned.document();
  const json::array& kernels = document.at("kernels").as_array();
  ASSERT_FALSE(kernels.empty());
  for (const auto& kernel : kernels) {
    EXPECT_EQ(kernel.as_object().if_contains("why"), nullptr) << write_json(kernel);
    EXPECT_GT(kernel.at("n_tried").as_int64(), 0) << write_json(kernel);
    EXPECT_EQ(kernel.at("n_wrong").as_int64(), 0) << "no tunable of the CPU's changes a bit: " << write_json(kernel);
    EXPECT_EQ(kernel.at("n_failed").as_int64(), 0) << write_json(kernel);
    EXPECT_GT(kernel.at("default_us").as_double(), 0);
    EXPECT_LE(kernel.at("us").as_double(), kernel.at("default_us").as_double());
    EXPECT_TRUE(kernel.at("in_steps").as_bool());
  }
  EXPECT_TRUE(std::ranges::any_of(kernels, [](const auto& kernel) { return kernel.at("kernel") == "cpu.attention"; }));
  ASSERT_EQ(document.at("steps").as_array().size(), 2u);
  EXPECT_EQ(document.at("steps").at(0).at("n_tokens").as_int64(), 1);
  EXPECT_EQ(document.at("steps").at(1).at("n_tokens").as_int64(), 8);
  EXPECT_LE(document.at("steps").at(0).at("us").as_double(), document.at("steps").at(0).at("default_us").as_double());

  const std::string ids = write_temp("tune_ids.json", kIds);
  const Outcome plain = with({"eval", kGolden, "--tokens", ids, "--greedy", "4", "--json", "--set", "tune.mode=off"});
  const Outcome used = with({"eval", kGolden, "--tokens", ids, "--greedy", "4", "--json"});
  ASSERT_EQ(used.exit_code, 0) << used.err;
  EXPECT_EQ(used.out, plain.out);
  const Outcome offline =
      with({"eval", kGolden, "--tokens", ids, "--greedy", "1", "--json", "--set", "tune.mode=offline"});
  EXPECT_EQ(offline.exit_code, 0);
  EXPECT_THAT(offline.err, HasSubstr("have no result")) << "the largest bucket was not tuned";

  for (const auto& file : std::filesystem::directory_iterator(cache + "/tune")) {
    if (file.path().extension() == ".jsonl") std::ofstream(file.path()) << "{\"v\": 1, ruined\n";
  }
  const Outcome ruined = with({"eval", kGolden, "--tokens", ids, "--greedy", "4", "--json"});
  EXPECT_EQ(ruined.exit_code, 0) << ruined.err;
  EXPECT_EQ(ruined.out, plain.out);
  EXPECT_THAT(ruined.err, HasSubstr("damaged"));
  std::filesystem::remove_all(cache);

  const Outcome no_folder = run({"tune", kGolden, "--device", "cpu:0", "--set", "models.cache_dir=" + ids});
  EXPECT_EQ(no_folder.exit_code, 1);
  EXPECT_THAT(no_folder.err, HasSubstr("tune: cannot be made (Not a directory)"));
  const Outcome encoder =
      with({"tune", BP_SOURCE_DIR "/tests/goldens/data/hf_bert_cls", "--tokens", "8", "--repeats", "1", "--json"});
  ASSERT_EQ(encoder.exit_code, 0) << encoder.err;
  EXPECT_EQ(encoder.document().at("steps").as_array().size(), 1u);
  std::filesystem::remove_all(cache);

  EXPECT_EQ(run({"tune", kGolden, "--device", "reference"}).exit_code, 2);
  EXPECT_EQ(run({"tune", "/nonexistent", "--device", "cpu:0"}).exit_code, 3);
}

TEST(Cli, BenchOpsTimesKernelsOneByOne) {
  const Outcome outcome = run({"bench", "ops", kGolden, "--device", "cpu:0", "-r", "1", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::value document = outcome.document();
  int n_products = 0;
  for (const auto& row : document.at("rows").as_array()) {
    if (!row.at("why").as_string().empty()) continue;
    EXPECT_GT(row.at("us").as_double(), 0) << write_json(row);
    EXPECT_GT(row.at("gbps").as_double(), 0) << write_json(row);
    n_products += row.at("gflops").as_double() > 0 ? 1 : 0;
  }
  EXPECT_GT(n_products, 0);
  EXPECT_EQ(run({"bench", "ops"}).exit_code, 2);
  EXPECT_EQ(run({"bench", kGolden, "too", "--device", "cpu:0"}).exit_code, 2);
  EXPECT_EQ(run({"bench", "limits", "too", "--device", "cpu:0"}).exit_code, 2);
  EXPECT_EQ(run({"bench", kGolden, "-p", "0", "-n", "0", "--device", "cpu:0"}).exit_code, 2);
  EXPECT_EQ(run({"bench", kGolden, "-p", "513", "--device", "cpu:0"}).exit_code, 2);
}

// Depth and prompt fit into one step.
TEST(Cli, BenchCountsTheStepThatReachesPastTheDepth) {
  const Outcome outcome =
      run({"bench", kGolden, "--device", "reference", "-p", "8", "-n", "2", "-d", "4", "-r", "1", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::value document = outcome.document();
  ASSERT_EQ(document.at("rows").as_array().size(), 2u);
  for (const auto& row : document.at("rows").as_array())
    EXPECT_GT(row.at("tps_median").as_double(), 0) << write_json(row);
}

TEST(Cli, PlanSaysWhatAModelTakesBeforeItIsLoaded) {
  for (const char* device : {"reference", "cpu:0"}) {
    const Outcome outcome = run({"plan", kGolden, "--device", device, "--no-speed", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const json::value plan = outcome.document();
    int64_t total = 0;
    for (const char* key : {"weights", "activations", "workspace", "kv", "staging", "driver"})
      total += plan.at(key).as_int64();
    EXPECT_EQ(plan.at("total").as_int64(), total);
    EXPECT_TRUE(plan.at("fits").as_bool());
    EXPECT_TRUE(plan.at("decode_tps").is_null());
    EXPECT_FALSE(plan.at("programs").as_array().empty());
  }
  const Outcome text = run({"plan", kGolden, "--no-speed"});
  EXPECT_THAT(text.out, HasSubstr("it fits"));
  const Outcome encoder = run({"plan", BP_SOURCE_DIR "/tests/goldens/data/hf_bert_cls", "--json"});
  ASSERT_EQ(encoder.exit_code, 0) << encoder.err;
  EXPECT_EQ(encoder.document().at("kv").as_int64(), 0);
  EXPECT_EQ(run({"plan", kGolden, "-d", "100000", "--device", "cpu:0"}).exit_code, 2);
  EXPECT_EQ(run({"plan", kGolden, "-p", "513", "--device", "cpu:0"}).exit_code, 2);
  // Too short to be timed, yet it takes memory.
  const Outcome shortest = run({"plan", kGolden, "--device", "cpu:0", "--set", "engine.max_context=1", "--json"});
  ASSERT_EQ(shortest.exit_code, 0) << shortest.err;
  EXPECT_THAT(shortest.err, HasSubstr("no speeds"));
  EXPECT_TRUE(shortest.document().at("decode_tps").is_null());
}

TEST(Cli, PlanKeepsWhatItMeasured) {
  const std::string folder = testing::TempDir() + "/backplane_plan_" + std::to_string(::getpid());
  std::vector<std::string> args = {
      "plan", kGolden, "-p", "8", "--device", "cpu:0", "--set", "models.cache_dir=" + folder, "--json"};
  const Outcome first = run(args), second = run(args);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_GT(first.document().at("decode_tps").as_double(), 0);
  EXPECT_GT(first.document().at("prefill_tps").as_double(), 0);
  // Numbers that were written and read again differ in their last digit now and then.
  for (const char* kept : {"decode_tps", "prefill_share"}) {
    EXPECT_DOUBLE_EQ(first.document().at(kept).as_double(), second.document().at(kept).as_double());
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace bp::e2e
