#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <regex>
#include <set>
#include <sstream>

#include "program.h"

namespace bp::e2e {
namespace {

using testing::HasSubstr;

const std::string kGolden = BP_SOURCE_DIR "/tests/goldens/data/llama";

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

}  // namespace
}  // namespace bp::e2e
