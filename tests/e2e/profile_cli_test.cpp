#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "program.h"

namespace bp::e2e {
namespace {

using testing::HasSubstr;

const std::string kGolden = BP_SOURCE_DIR "/tests/goldens/data/llama";

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(ProfileCli, EachLaunchHasTimesBytesAndFlops) {
  const Outcome outcome =
      run({"profile", kGolden, "-p", "16", "-n", "4", "-b", "2", "--device", "cpu:0", "--no-limits", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::value document = outcome.document();
  EXPECT_EQ(document.at("device").as_string(), "cpu:0");
  EXPECT_EQ(document.at("clock").as_string(), "host");
  EXPECT_EQ(document.at("limits").at("read_gbps").to_number<double>(), 0) << "not measured";
  std::set<std::string> phases, ops;
  for (const json::value& op : document.at("ops").as_array()) {
    phases.emplace(op.at("phase").as_string());
    ops.emplace(op.at("op").as_string());
    for (const char* key : {"name", "op", "scope", "kernel", "plugin", "device", "dtype", "shape", "weight"})
      EXPECT_TRUE(op.at(key).is_string()) << key;
    for (const char* key : {"count", "total_us", "mean_us", "p50_us", "max_us", "step_share", "bytes", "flops",
                            "intensity", "gbps", "gflops", "roofline_share"})
      EXPECT_GE(op.at(key).to_number<double>(), 0) << key;
    EXPECT_GT(op.at("bytes").to_number<double>(), 0);
    EXPECT_LE(op.at("p50_us").to_number<double>(), op.at("max_us").to_number<double>());
  }
  EXPECT_EQ(phases, (std::set<std::string>{"decode", "prefill"}));
  EXPECT_TRUE(ops.contains("attention"));
  for (const json::value& phase : document.at("phases").as_array()) {
    const double step = phase.at("step_us").to_number<double>();
    EXPECT_NEAR(phase.at("launch_us").to_number<double>() + phase.at("host_us").to_number<double>(), step, 1e-6 * step);
    for (const char* group : {"by_part", "by_op", "by_kernel", "by_layer"})
      EXPECT_FALSE(phase.at(group).as_array().empty()) << group;
  }
  for (const char* key : {"weights", "kv", "kv_peak", "arena", "arena_peak"})
    EXPECT_GT(document.at("memory").at(key).as_int64(), 0) << key;
}

TEST(ProfileCli, ATableForPeopleGroupsAsAsked) {
  for (const auto& [by, expected] :
       std::vector<std::pair<std::string, std::string>>{{"part", "\nattention attn"},
                                                        {"op", "\nsample"},
                                                        {"kernel", "\nreference"},
                                                        {"layer", "\nblk.0"},
                                                        {"launch", "\nblk.1.attn attention"}}) {
    const Outcome outcome = run({"profile", kGolden, "-p", "0", "-n", "2", "--by", by, "--device", "reference"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr(expected));
    EXPECT_THAT(outcome.out, HasSubstr("decode: 2 steps"));
    EXPECT_THAT(outcome.out, HasSubstr("memory: weights"));
  }
}

TEST(ProfileCli, WrongUsageSaysWhatToDoAndLeavesNoFile) {
  const std::string html = testing::TempDir() + "never.html";
  const Outcome nothing = run({"profile", kGolden, "-p", "0", "-n", "0", "--html", html});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("raise -p or -n"));
  EXPECT_FALSE(std::filesystem::exists(html));
  const Outcome unwritable = run({"profile", kGolden, "--html", "/no/such/folder/out.html"});
  EXPECT_EQ(unwritable.exit_code, 2);
  EXPECT_THAT(unwritable.err, HasSubstr("/no/such/folder"));
  EXPECT_EQ(run({"profile", kGolden, "--trace", testing::TempDir()}).exit_code, 2) << "a folder";
  const std::string same = testing::TempDir() + "same";
  EXPECT_EQ(run({"profile", kGolden, "--html", same, "--trace", testing::TempDir() + "./same"}).exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(same));
  const Outcome missing = run({"profile", "no-such-model", "--json"});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_EQ(missing.document().at("error").at("code").as_string(), "refused");
  EXPECT_EQ(run({"profile", kGolden, "-p", "100000"}).exit_code, 2) << "longer than the context";
  EXPECT_EQ(run({"profile", kGolden, "-n", "-1"}).exit_code, 2);
  EXPECT_EQ(run({"profile", kGolden, "-b", "0"}).exit_code, 2);
  EXPECT_EQ(run({"profile", kGolden, "--by", "colour"}).exit_code, 2);
}

TEST(ProfileCli, InterruptedItLeavesNoFile) {
  const std::string folder = testing::TempDir() + "profile_interrupted";
  std::filesystem::create_directories(folder);
  const Outcome outcome =
      run_interrupted({"profile", kGolden, "--device", "reference", "-p", "500", "-n", "500", "-b", "64", "--html",
                       folder + "/report.html", "--trace", folder + "/trace", "--json"});
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  EXPECT_EQ(outcome.document().at("error").at("code").as_string(), "interrupted");
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

// What the shell command writes to standard output.
std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  ::pclose(pipe);
  return text;
}

// The files, and the page as a browser shows it: what its script made, and no error of it.
TEST(ProfileCli, AReportDrawsItsTableAndPlotsInABrowser) {
  const std::string html = testing::TempDir() + "profile.html", trace_file = testing::TempDir() + "profile_trace.json";
  const Outcome outcome = run({"profile", kGolden, "-p", "16", "-n", "4", "--device", "cpu:0", "--html", html,
                               "--trace", trace_file, "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::value document = outcome.document();
  EXPECT_GT(document.at("limits").at("read_gbps").to_number<double>(), 0);
  const auto trace = parse_json(read_file(trace_file), "trace");
  ASSERT_TRUE(trace.has_value()) << trace.error().message();
  EXPECT_GT(trace->at("traceEvents").as_array().size(), document.at("ops").as_array().size());
  EXPECT_THAT(read_file(html), HasSubstr("</html>"));

  std::string browser;
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (browser.empty()) browser = output_of(std::string("command -v ") + name + " 2>/dev/null");
  }
  if (browser.empty()) GTEST_SKIP() << "no Chromium here: install the package `chromium`";
  browser.pop_back();
  const std::string profile_dir = testing::TempDir() + "chromium_profile", log = testing::TempDir() + "chromium.log";
  const std::string dom =
      output_of("timeout 60 " + browser + " --headless --no-sandbox --disable-gpu --user-data-dir='" + profile_dir +
                "' --enable-logging=stderr --dump-dom 'file://" + html + "' 2>'" + log + "'");
  std::filesystem::remove_all(profile_dir);
  EXPECT_THAT(dom, HasSubstr("data-ready=\"1\"")) << read_file(log);
  EXPECT_THAT(dom, testing::Not(HasSubstr("data-error=")));
  EXPECT_THAT(read_file(log), testing::Not(HasSubstr("CONSOLE")));
  const json::array& parts = document.at("phases").at(1).at("by_part").as_array();
  size_t n_points = 0, n_launches = 0;
  for (const json::value& part : parts) n_points += part.at("flops").to_number<double>() > 0 ? 1 : 0;
  for (const json::value& op : document.at("ops").as_array()) {
    if (op.at("phase").as_string() == "decode") n_launches += static_cast<size_t>(op.at("count").as_int64());
  }
  EXPECT_EQ(count(dom, "<tr data-row="), parts.size());
  EXPECT_EQ(count(dom, "class=\"point\""), n_points);
  EXPECT_GE(count(dom, "class=\"roof\""), 2u);
  EXPECT_EQ(count(dom, "class=\"curve\""), 2u) << "activations and KV pages";
  EXPECT_THAT(dom, HasSubstr("data-launches=\"" + std::to_string(n_launches) + "\"")) << "drawn in the time line";
}

}  // namespace
}  // namespace bp::e2e
