#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "base/mapped_file.h"
#include "program.h"

namespace bp::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kGolden = BP_SOURCE_DIR "/tests/goldens/data/llama";
const std::string kIds = "[1, 5, 9, 200, 17, 3, 44, 8]";

TEST(Cli, EveryCommandHasHelpWithAnExample) {
  EXPECT_EQ(run({"--help"}).exit_code, 0);
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{"run"},
                                                                                       {"eval"},
                                                                                       {"embed"},
                                                                                       {"tokenize"},
                                                                                       {"detokenize"},
                                                                                       {"template"},
                                                                                       {"devices"},
                                                                                       {"plugins", "list"},
                                                                                       {"bench"},
                                                                                       {"profile"},
                                                                                       {"explain"},
                                                                                       {"tune"},
                                                                                       {"plan"},
                                                                                       {"pull"},
                                                                                       {"list"},
                                                                                       {"rm"},
                                                                                       {"convert"},
                                                                                       {"quantize"},
                                                                                       {"config", "show"},
                                                                                       {"config", "check"},
                                                                                       {"config", "docs"},
                                                                                       {"new-plugin"}}) {
    auto args = command;
    args.push_back("--help");
    const Outcome help = run(args);
    EXPECT_EQ(help.exit_code, 0) << command[0];
    EXPECT_THAT(help.out, HasSubstr("Example:")) << command[0];
    EXPECT_THAT(help.out, HasSubstr("backplane " + command[0])) << command[0];
    EXPECT_THAT(help.out, HasSubstr("--json")) << command[0];
  }
}

TEST(Cli, WrongUsageIsTwo) {
  EXPECT_EQ(run({}).exit_code, 2);
  EXPECT_EQ(run({"frobnicate"}).exit_code, 2);
  EXPECT_EQ(run({"eval", kGolden}).exit_code, 2);
  EXPECT_EQ(run({"eval", kGolden, "--tokens", write_temp("bad.json", "[1, \"x\"]")}).exit_code, 2);
  EXPECT_EQ(run({"eval", kGolden, "--tokens", write_temp("large.json", "[1, 99999]")}).exit_code, 2);
  const Outcome json = run({"eval", kGolden, "--json"});
  EXPECT_EQ(json.exit_code, 2);
  EXPECT_EQ(json.document().at("error").at("code").as_string(), "usage");
}

TEST(Cli, DevicesListsTheCpuAndTheReference) {
  const Outcome devices = run({"devices", "--json"});
  ASSERT_EQ(devices.exit_code, 0) << devices.err;
  std::vector<std::string> ids;
  const json::value document = devices.document();
  for (const auto& device : document.at("devices").as_array()) {
    ids.emplace_back(device.at("id").as_string());
    for (const char* key : {"name", "plugin", "memory_bytes", "score", "why"})
      EXPECT_TRUE(device.as_object().contains(key));
  }
  EXPECT_THAT(ids, testing::ElementsAre("cpu:0", "reference"));
}

TEST(Cli, PluginsListGivesEachFileAVerdict) {
  const std::string folder = write_temp("no_plugin.so", "this is text");
  const std::string dir = folder.substr(0, folder.rfind('/'));
  const Outcome plugins = run({"plugins", "list", "--json", "--plugin-dir", dir});
  ASSERT_EQ(plugins.exit_code, 0) << plugins.err;
  std::map<std::string, std::string> verdicts;
  const json::value document = plugins.document();
  for (const auto& plugin : document.at("plugins").as_array()) {
    const std::string file(plugin.at("file").as_string());
    verdicts[file.substr(file.rfind('/') + 1)] = plugin.at("verdict").as_string();
  }
  EXPECT_EQ(verdicts["cpu.so"], "OK");
  EXPECT_EQ(verdicts["no_plugin.so"], "NOT_ELF");
}

TEST(Cli, AMissingDeviceSaysWhatWasFound) {
  const Outcome outcome = run({"eval", kGolden, "--tokens", write_temp("ids.json", kIds), "--device", "cuda:0"});
  EXPECT_EQ(outcome.exit_code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("cuda:0"));
  EXPECT_THAT(outcome.err, HasSubstr("cpu:0"));
}

TEST(Cli, EvalWritesLogitsAndContinuesGreedily) {
  const std::string npy = write_temp("out.npy", "");
  std::vector<std::string> greedy;
  for (const char* device : {"reference", "cpu:0"}) {
    for (const char* chunk : {"0", "1", "3"}) {
      const Outcome outcome = run({"eval", kGolden, "--tokens", write_temp("ids.json", kIds), "--logits", npy,
                                   "--greedy", "5", "--chunk", chunk, "--device", device, "--json"});
      ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
      const json::value document = outcome.document();
      const auto& list = document.at("lists").at(0);
      EXPECT_EQ(list.at("n_tokens").as_int64(), 8);
      EXPECT_EQ(list.at("greedy").as_array().size(), 5u);
      greedy.push_back(write_json(list.at("greedy")));
      const auto file = MappedFile::open(npy);
      ASSERT_TRUE(file.has_value());
      const std::string_view bytes(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
      EXPECT_THAT(bytes, StartsWith("\x93NUMPY"));
      EXPECT_THAT(std::string(bytes.substr(0, 128)), HasSubstr("(8, 256)"));
      EXPECT_EQ(bytes.size() % 64, 0u);
      EXPECT_EQ(bytes.size(), 128 + 8 * 256 * 4u);
    }
  }
  EXPECT_THAT(greedy, testing::Each(greedy.front()));
}

TEST(Cli, EvalRunsManyListsTogetherInOrder) {
  std::string lines;
  for (int i = 1; i <= 6; ++i) {
    lines += "[";
    for (int t = 0; t < i * 3; ++t) lines += (t > 0 ? ", " : "") + std::to_string((i * 37 + t * 11) % 256);
    lines += "]\n";
  }
  const std::string file = write_temp("lists.jsonl", lines);
  const Outcome together = run({"eval", kGolden, "--tokens", file, "--greedy", "4", "--batch", "4", "--json"});
  const Outcome alone = run({"eval", kGolden, "--tokens", file, "--greedy", "4", "--json"});
  ASSERT_EQ(together.exit_code, 0) << together.err;
  EXPECT_EQ(together.out, alone.out);
}

TEST(Cli, ExplainNamesAKernelForEveryOp) {
  const Outcome outcome = run({"explain", kGolden, "--json", "--device", "cpu:0"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  bool fused = false;
  const json::value document = outcome.document();
  for (const auto& node : document.at("nodes").as_array()) {
    EXPECT_NE(node.at("kernel").as_string(), "reference") << write_json(node);
    fused |= std::string_view(node.at("op").as_string()).find('+') != std::string_view::npos;
  }
  EXPECT_TRUE(fused);
}

// Of every kind of weights: as they are, in blocks, scaled apart, and experts in blocks of 4 bits.
TEST(Cli, ExplainSaysWhyABetterKernelWasNotTaken) {
  for (const char* golden :
       {"llama", "gpt_oss", "hf_gpt_oss_mxfp4", "hf_llama_awq_g32", "variant_gguf_q8_0/model.gguf"}) {
    const std::string model = BP_SOURCE_DIR "/tests/goldens/data/" + std::string(golden);
    const Outcome outcome =
        run({"explain", model, "--json", "--device", "cpu:0", "--set", "kernels.deny=cpu.rms_norm"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const json::value document = outcome.document();
    std::set<std::string> reasons;
    for (const auto& node : document.at("nodes").as_array()) {
      const bool is_kernel = !node.at("plugin").as_string().empty();
      EXPECT_EQ(node.as_object().contains("cost_us"), is_kernel) << write_json(node);
      for (const auto& refused : node.at("refused").as_array()) {
        reasons.emplace(refused.at("reason").as_string());
        EXPECT_FALSE(refused.at("text").as_string().empty()) << write_json(refused);
        EXPECT_NE(refused.at("kernel").as_string(), node.at("kernel").as_string()) << write_json(node);
      }
    }
    for (const char* reason : {"pattern", "guard", "cost", "denied"})
      EXPECT_TRUE(reasons.contains(reason)) << golden << ' ' << reason;
    bool listed = false;
    for (const auto& row : document.at("left_out").as_array()) listed |= row.at("kernel").as_string() == "cpu.rms_norm";
    EXPECT_TRUE(listed) << golden;
    const Outcome text = run({"explain", model, "--device", "cpu:0", "--set", "kernels.deny=cpu.rms_norm"});
    EXPECT_THAT(text.out, HasSubstr("not cpu.rms_norm: denied: "));
    EXPECT_THAT(text.out, HasSubstr("left out: cpu.rms_norm: "));
  }
}

TEST(Cli, ExplainTellsWhatRunsOnTheReference) {
  const Outcome outcome = run({"explain", kGolden, "--json", "--device", "cpu:0", "--set", "kernels.deny=cpu.rope"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::value document = outcome.document();
  const auto& fallback = document.at("fallback").as_array();
  ASSERT_EQ(fallback.size(), 1u);
  EXPECT_EQ(fallback[0].as_string(), "rope");
}

// Graphviz reads it where it is installed; everywhere each line is a node, an edge between nodes, or a brace.
TEST(Cli, ExplainDrawsAGraphThatGraphvizReads) {
  const Outcome outcome = run({"explain", kGolden, "--dot", "--device", "cpu:0"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::istringstream lines(outcome.out);
  std::string line;
  std::set<std::string> nodes;
  size_t n_edges = 0;
  const std::regex node("  (n[0-9]+) \\[label=\"([^\"\\\\]|\\\\.)*\"(, [a-z]+=[a-z]+)*\\];");
  const std::regex edge("  (n[0-9]+) -> (n[0-9]+);");
  std::getline(lines, line);
  EXPECT_EQ(line, "digraph program {");
  while (std::getline(lines, line) && line != "}") {
    std::smatch match;
    if (std::regex_match(line, match, node)) {
      EXPECT_TRUE(nodes.insert(match[1]).second) << line;
    } else if (std::regex_match(line, match, edge)) {
      EXPECT_TRUE(nodes.contains(match[1]) && nodes.contains(match[2])) << line;
      ++n_edges;
    } else {
      EXPECT_EQ(line, "  node [shape=box, fontname=monospace];");
    }
  }
  EXPECT_EQ(line, "}");
  EXPECT_GE(n_edges + 1, nodes.size());
  if (std::system("dot -V >/dev/null 2>&1") != 0) return;
  const std::string command = "dot -Tsvg " + write_temp("program.dot", outcome.out) + " | grep -q '</svg>'";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

// An explanation loads nothing, so that a model that does not fit is explained too.
TEST(Cli, ExplainNeedsNoMemoryForTheModel) {
  const std::vector<std::string> args = {"explain", kGolden, "--device", "cpu:0", "--set", "kv.max_bytes=1"};
  EXPECT_EQ(run(args).exit_code, 0);
  EXPECT_EQ(run({"bench", kGolden, "--device", "cpu:0", "--set", "kv.max_bytes=1"}).exit_code, 4);
}

TEST(Cli, ExplainIsOneDocumentOrOneDrawing) {
  const Outcome both = run({"explain", kGolden, "--dot", "--json"});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_TRUE(both.document().as_object().contains("error"));
}

TEST(Cli, KernelsThatNobodyHasAreNamed) {
  const Outcome outcome = run({"explain", kGolden, "--device", "cpu:0", "--set", "kernels.deny=cpu.matmull"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("cpu:0 has no kernel cpu.matmull"));
}

// Signals reach the program alone, not those it started.
TEST(Cli, InterruptedIsOneHundredThirty) {
  const std::string cache = testing::TempDir() + "/backplane_interrupt_" + std::to_string(::getpid());
  const std::string place = "models.cache_dir=" + cache;
  for (const auto& args : std::vector<std::vector<std::string>>{
           {"bench", kGolden, "--device", "cpu:0", "-r", "1000", "--json"},
           {"bench", "ops", kGolden, "--device", "cpu:0", "--tokens", "512", "-r", "1000", "--json"},
           {"plan", kGolden, "--device", "cpu:0", "--measure", "--set", place, "--json"}}) {
    const Outcome outcome = run_interrupted(args);
    EXPECT_EQ(outcome.exit_code, 130) << args[0] << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("interrupted")) << args[0];
    EXPECT_EQ(outcome.document().at("error").at("code").as_string(), "interrupted") << args[0];
  }
  const Outcome tuned = run_interrupted(
      {"tune", kGolden, "--device", "cpu:0", "--set", place, "--repeats", "2", "--least-ms", "2", "--json"},
      "problems");
  EXPECT_EQ(tuned.exit_code, 130) << tuned.err;
  EXPECT_EQ(tuned.document().at("error").at("code").as_string(), "interrupted");
  std::filesystem::remove_all(cache);
}

TEST(Cli, CompilerPassesAreTurnedOffByName) {
  const auto n_kernels = [](const std::string& setting) {
    const Outcome outcome = run({"explain", kGolden, "--json", "--device", "cpu:0", "--set", setting});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    size_t n = 0;
    const json::value document = outcome.document();
    for (const auto& step : document.at("nodes").as_array()) n += step.as_object().contains("cost_us") ? 1 : 0;
    return n;
  };
  const size_t plain = n_kernels("compile.disable=");
  EXPECT_GT(n_kernels("compile.disable=fuse_kernels"), plain);
  EXPECT_NE(n_kernels("compile.horizontal_fusion=on"), plain);
  const Outcome outcome = run({"explain", kGolden, "--set", "compile.disable=fuse"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("fuse_kernels"));
}

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

TEST(Cli, ATraceShowsEachOpLaunchedOnceAStep) {
  const std::string lists = write_temp("trace.jsonl", "[1,2,3]\n[4,5,6,7]\n[8]\n");
  const Outcome outcome = run({"eval", kGolden, "--tokens", lists, "--greedy", "2", "--batch", "3", "--device", "cpu:0",
                               "--log-level", "trace"});
  ASSERT_EQ(outcome.exit_code, 0);
  std::map<std::string, int> launches;
  std::istringstream lines(outcome.err);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" launch ") != std::string::npos) ++launches[line];
  }
  EXPECT_FALSE(launches.empty());
  for (const auto& [line, count] : launches) EXPECT_EQ(count, 1) << line;
}

// tests/fakes/faulty.c: the CPU plugin with faults on demand.
Outcome eval_on_faulty(const std::vector<std::string>& settings) {
  std::vector<std::string> args = {"eval",     kGolden,    "--tokens",     write_temp("ids.json", kIds),
                                   "--greedy", "4",        "--plugin-dir", BP_BUILD_DIR "/tests/fakes/wrapping",
                                   "--device", "faulty:0", "--json"};
  for (const std::string& setting : settings) args.insert(args.end(), {"--set", setting});
  return run(args);
}

TEST(Cli, AFaultOfTheDeviceIsFourAndNamesTheLaunch) {
  const auto message = [](const std::vector<std::string>& settings) {
    const Outcome outcome = eval_on_faulty(settings);
    EXPECT_EQ(outcome.exit_code, 4) << outcome.err;
    const json::value document = outcome.document();
    EXPECT_EQ(document.at("error").at("code").as_string(), "device");
    return std::string(document.at("error").at("where").as_string()) + ": " +
           std::string(document.at("error").at("what").as_string());
  };
  const std::string attention = "plugin.faulty.kernel=attention";
  EXPECT_THAT(message({"plugin.faulty.fail=lost", "plugin.faulty.at=3", attention}),
              AllOf(HasSubstr("faulty:0 node blk."), HasSubstr("the fake fell off the bus")));
  EXPECT_THAT(message({"plugin.faulty.fail=sync", "plugin.faulty.at=8", "device.timeout=50ms", "engine.overlap=false"}),
              HasSubstr("queue_sync failed: timeout"));
  EXPECT_THAT(message({"plugin.faulty.fail=kernel", "plugin.faulty.at=2", attention, "engine.strict=true"}),
              AllOf(HasSubstr("faulty:0 node blk."), HasSubstr("attention"), HasSubstr("the reference ")));
  EXPECT_EQ(eval_on_faulty({"engine.strict=true"}).exit_code, 0);
  const Outcome memory = eval_on_faulty({"plugin.faulty.fail=alloc", "plugin.faulty.at=12"});
  EXPECT_EQ(memory.exit_code, 4) << memory.err;
}

TEST(Cli, RefusedModelsAreThree) {
  const std::string cut = write_temp("cut.gguf", "GGUF\x03");
  const std::string text = write_temp("text.gguf", "hello");
  for (const std::string& path : {cut, text, std::string("/nonexistent/model.gguf")}) {
    const Outcome outcome = run({"eval", path, "--tokens", write_temp("ids.json", kIds)});
    EXPECT_EQ(outcome.exit_code, 3) << path;
    EXPECT_THAT(outcome.err, HasSubstr("backplane: "));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

TEST(Cli, ConfigProblemsAreToldAllAtOnce) {
  const std::string file =
      write_temp("bad.toml", "[kv]\npage_size = 24\npage_sise = 16\n[engine]\nmax_seqs = \"many\"\n");
  const Outcome check = run({"config", "check", "--config", file});
  EXPECT_EQ(check.exit_code, 2);
  for (const char* part : {":2:", ":3:", ":5:", "page_sise", "page_size", "max_seqs"})
    EXPECT_THAT(check.out, HasSubstr(part));
  const Outcome show = run({"config", "show", "--config", file, "--json"});
  EXPECT_EQ(show.exit_code, 2);
  EXPECT_EQ(show.document().at("error").at("code").as_string(), "config");
}

TEST(Cli, ConfigShowSaysWhereEachValueCameFrom) {
  const std::string file = write_temp("good.toml", "[kv]\npage_size = 32\n[plugin.cpu]\nthreads = 1\n");
  const Outcome show = run({"config", "show", "--config", file, "--log-level", "info"});
  ASSERT_EQ(show.exit_code, 0) << show.err;
  EXPECT_THAT(show.out, HasSubstr("kv.page_size = 32"));
  EXPECT_THAT(show.out, HasSubstr("plugin.cpu.threads = 1"));
  EXPECT_THAT(show.out, HasSubstr("command line"));
}

TEST(Cli, PluginOptionsAreChecked) {
  const std::string file = write_temp("plugin.toml", "[plugin.cpu]\nthread = 1\n");
  const Outcome outcome = run({"devices", "--config", file});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("threads"));
}

TEST(Cli, AllowedPluginsAloneAreLoaded) {
  const std::string file = write_temp("allow.toml", "[plugins]\nallow = [\"other\"]\n");
  const Outcome outcome = run({"devices", "--config", file, "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.document().at("devices").as_array().size(), 1u);
}

// That what it writes builds and runs, install.SdkBuildsTheTemplate shows.
TEST(Cli, NewPluginWritesAFolderOnceAndNamesTheNextCommands) {
  const std::filesystem::path parent = std::filesystem::path(testing::TempDir()) / "new_plugins";
  std::filesystem::remove_all(parent);
  const Outcome made = run({"new-plugin", "tiny_chip", "--dir", parent.string(), "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.document().at("path").as_string(), (parent / "tiny_chip").string());
  std::ifstream in(parent / "tiny_chip/plugin.cpp");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, HasSubstr("\"tiny_chip:0\""));
  EXPECT_THAT(text, testing::Not(HasSubstr("mychip")));
  const json::value document = made.document();
  const auto& next = document.at("next").as_array();
  EXPECT_THAT(std::string(next.back().as_string()), HasSubstr("build/tiny_chip.so"));
  const Outcome again = run({"new-plugin", "tiny_chip", "--dir", parent.string()});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("exists already"));
  std::filesystem::remove_all(parent);
}

TEST(Cli, NewPluginRefusesNamesThatNoPluginCanHave) {
  for (const char* name : {"", "Chip", "1chip", "a-b", "../up", "a_name_too_long", "cpu", "reference", "auto"}) {
    const Outcome outcome = run({"new-plugin", name, "--dir", testing::TempDir()});
    EXPECT_EQ(outcome.exit_code, 2) << name;
    EXPECT_THAT(outcome.err, HasSubstr("name")) << name;
  }
}

TEST(Cli, TemplatesRenderFromAFile) {
  const std::string file =
      write_temp("t.jinja", "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{{ bos_token }}");
  const Outcome outcome =
      run({"template", "--file", file, "--bos-token", "<s>"},
          "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi {{ 1 }}\"}]}\n{\"messages\": []}\n");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "\"[user]Hi {{ 1 }}<s>\"\n\"<s>\"\n");
}

}  // namespace
}  // namespace bp::e2e
