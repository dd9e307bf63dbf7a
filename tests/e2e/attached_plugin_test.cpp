// A plugin that brings one kernel to another plugin's device: docs/examples/attached-kernel on cpu:0.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "program.h"

namespace bp::e2e {
namespace {

using testing::HasSubstr;

const std::string kGolden = BP_SOURCE_DIR "/tests/goldens/data/llama";
const std::string kKernel = "last_norm.gather_rms_norm";

std::vector<std::string> with_plugin(std::vector<std::string> args) {
  args.insert(args.end(), {"--device", "cpu:0", "--plugin-dir", BP_ATTACHED_PLUGIN_DIR});
  return args;
}

// Logits as eval writes them: the .npy header's size stands in its bytes 8 and 9.
std::vector<float> logits_of(std::vector<std::string> args) {
  const std::string path = testing::TempDir() + "attached.npy";
  const std::string ids = write_temp("attached_ids.json", "[1, 5, 9, 200, 17, 3, 44, 8]");
  args.insert(args.begin(), {"eval", kGolden, "--tokens", ids, "--logits", path});
  const Outcome outcome = run(args);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (bytes.size() < 10) return {};
  const size_t header = 10 + static_cast<unsigned char>(bytes[8]) + 256 * static_cast<unsigned char>(bytes[9]);
  std::vector<float> values((bytes.size() - header) / sizeof(float));
  std::memcpy(values.data(), bytes.data() + header, values.size() * sizeof(float));
  return values;
}

TEST(AttachedPlugin, ItsKernelIsTakenAndItsPluginIsNamed) {
  const Outcome outcome = run(with_plugin({"explain", kGolden, "--json"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  int n_taken = 0;
  const json::value document = outcome.document();
  for (const auto& node : document.at("nodes").as_array()) {
    if (node.at("kernel").as_string() != kKernel) continue;
    ++n_taken;
    EXPECT_EQ(node.at("plugin").as_string(), "last_norm");
    EXPECT_EQ(node.at("device").as_string(), "cpu:0");
  }
  EXPECT_EQ(n_taken, 1);
}

TEST(AttachedPlugin, AModelGivesTheReferencesLogitsThroughIt) {
  const std::vector<float> reference = logits_of({"--device", "reference"});
  const std::vector<float> got = logits_of(with_plugin({}));
  ASSERT_EQ(got.size(), 8u * 256u);
  ASSERT_EQ(got.size(), reference.size());
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], reference[i], 0.02) << i;
  // It is launched in each step: a trace names it.
  const std::string ids = write_temp("attached_ids.json", "[1, 5, 9]");
  const Outcome traced = run(with_plugin({"eval", kGolden, "--tokens", ids, "--log-level", "trace"}));
  EXPECT_THAT(traced.err, HasSubstr(kKernel));
}

TEST(AttachedPlugin, ADeniedKernelLeavesTheOwnersOnes) {
  const Outcome outcome = run(with_plugin({"explain", kGolden, "--json", "--set", "kernels.deny=" + kKernel}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::value document = outcome.document();
  for (const auto& node : document.at("nodes").as_array()) {
    EXPECT_NE(node.at("kernel").as_string(), kKernel);
  }
  EXPECT_NE(outcome.out.find("denied"), std::string::npos);
}

TEST(AttachedPlugin, WithoutItsOwnerNothingIsAttached) {
  const Outcome outcome = run({"eval", kGolden, "--tokens", write_temp("attached_ids.json", "[1]"), "--device",
                               "reference", "--plugin-dir", BP_ATTACHED_PLUGIN_DIR, "--log-level", "trace"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, testing::Not(HasSubstr(kKernel)));
}

}  // namespace
}  // namespace bp::e2e
