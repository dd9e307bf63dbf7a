// backplane-conform: what it says of a good port, of ones that crash, hang or are no plugins, and what it writes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "program.h"

namespace bp::e2e {
namespace {

const std::string kCpu = BP_BUILD_DIR "/lib/backplane/plugins/cpu.so";
std::string fake(const std::string& name) { return BP_BUILD_DIR "/tests/fakes/" + name + ".so"; }

Outcome conform(std::vector<std::string> args) {
  args.emplace_back("--no-progress");
  return run_program("backplane-conform", args);
}

json::object object_of(const Outcome& outcome) {
  const json::value document = outcome.document();
  return document.is_object() ? document.as_object() : json::object{};
}

std::string why_of(const json::object& report, std::string_view kind, std::string_view name) {
  for (const json::value& item : report.at(kind).as_array()) {
    if (item.at("name").as_string() == name) return std::string(item.at("why").as_string());
  }
  return "there is no " + std::string(name);
}

// A plugin alone in a folder, so that a skips.toml can lie beside it.
class Alone {
 public:
  explicit Alone(const std::string& plugin, const std::string& skips) {
    folder_ = std::filesystem::path(write_temp("alone/.keep", "")).parent_path() / "alone";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::filesystem::copy_file(plugin, file());
    std::ofstream(folder_ / "skips.toml") << skips;
  }
  std::string file() const { return (folder_ / "plugin.so").string(); }

 private:
  std::filesystem::path folder_;
};

// The whole of it, and the report's two files.
TEST(ConformCli, TheCpuPluginReachesGrade4) {
  const std::string folder = write_temp("report", "") + ".d";
  const Outcome outcome = conform({kCpu, "--json", "--no-times", "--report", folder});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::object report = object_of(outcome);
  EXPECT_EQ(report.at("grade"), 4);
  EXPECT_EQ(report.at("counts").at("failed"), 0);
  EXPECT_FALSE(report.at("next").as_array().empty());
  for (const json::value& result : report.at("cases").as_array()) {
    if (result.at("outcome").as_string() != "no kernel") continue;
    const std::string name(result.at("name").as_string());
    EXPECT_TRUE(name.starts_with("half_") || name.starts_with("verify_draft") || name.starts_with("quantize")) << name;
  }
  for (const json::value& family : report.at("families").as_array())
    EXPECT_TRUE(family.at("complete").as_bool()) << write_json(family);
  const std::string written = read_file(folder + "/conform.json");
  const auto same = parse_json(written, "conform.json");
  ASSERT_TRUE(same.has_value());
  EXPECT_EQ(same->at("cases").as_array().size(), report.at("cases").as_array().size());
  const std::string page = read_file(folder + "/conform.html");
  EXPECT_NE(page.find("cpu.matmul_silu_mul"), std::string::npos);
  EXPECT_EQ(page.find("@REPORT@"), std::string::npos);
  EXPECT_EQ(page.find("://"), std::string::npos) << "something is fetched from outside";
}

// The commands of docs/conform.md, as they stand there.
TEST(ConformCli, TheExamplesOfItsPageWork) {
  std::istringstream page(read_file(BP_SOURCE_DIR "/docs/conform.md"));
  const std::string start = "$ backplane-conform cpu.so ";
  int n_run = 0;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with(start)) continue;
    std::vector<std::string> args = {kCpu};
    std::istringstream words(line.substr(start.size()));
    for (std::string word; words >> word;) {
      std::erase(word, '\'');
      args.push_back(word == "report" ? write_temp("example", "") + ".report" : word);
    }
    EXPECT_EQ(conform(args).exit_code, 0) << line;
    ++n_run;
  }
  EXPECT_EQ(n_run, 4);
}

TEST(ConformCli, OneOpIsTimedBesideTheReference) {
  const Outcome outcome = conform({kCpu, "--only", "^matmul_q4_k_wide$", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::object report = object_of(outcome);
  EXPECT_TRUE(report.at("grade").is_null());
  ASSERT_EQ(report.at("cases").as_array().size(), 1U);
  const json::object& result = report.at("cases").as_array()[0].as_object();
  EXPECT_EQ(result.at("dtype"), "q4_k");
  const json::value& kernel = result.at("kernels").as_array().at(0);
  EXPECT_EQ(kernel.at("kernel"), "cpu.matmul");
  for (const char* figure : {"us", "reference_us", "gflops", "gbps", "worst"})
    EXPECT_GT(kernel.at(figure).to_number<double>(), 0) << figure;
  EXPECT_LE(kernel.at("worst").to_number<double>(), 1);
}

TEST(ConformCli, FusionsAreCheckedByTheirOwnPattern) {
  const Outcome outcome = conform({kCpu, "--only", "^pattern_cpu", "--json", "--no-times"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const json::object report = object_of(outcome);
  for (const char* row : {"cpu.add_rms_norm", "cpu.rope_kv_write", "cpu.silu_mul", "cpu.matmul_bias_gelu",
                          "cpu.matmul_dequant", "cpu.matmul_indexed_silu_mul"}) {
    const auto& cases = report.at("cases").as_array();
    const bool passed = std::ranges::any_of(cases, [&](const json::value& result) {
      return result.at("name").as_string() == std::string("pattern_") + row && result.at("outcome") == "passed";
    });
    EXPECT_TRUE(passed) << row << ": " << why_of(report, "cases", std::string("pattern_") + row);
  }
}

// Nobody knows these fusions but their plugin.
TEST(ConformCli, AWrongFusionOfAThirdPartyIsCaught) {
  const Outcome outcome = conform({fake("crashes"), "--only", "^pattern_", "--json", "--no-times"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  const json::object report = object_of(outcome);
  EXPECT_EQ(why_of(report, "cases", "pattern_crashes.fused_scale"), "");
  EXPECT_EQ(report.at("counts").at("passed"), 1);
  const std::string why = why_of(report, "cases", "pattern_crashes.fused_neg");
  EXPECT_NE(why.find("n=3: y0[191] is"), std::string::npos) << why;
}

// The CPU's kernels size their work by the host's number: a plugin that says they may be captured is wrong.
TEST(ConformCli, StaleSizesOfCapturedStepsAreCaught) {
  const Outcome outcome =
      conform({fake("wrapping/capture"), "--only", "^(kv_write_f32|rms_norm_33)$", "--json", "--no-times"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  const json::object report = object_of(outcome);
  EXPECT_NE(why_of(report, "cases", "kv_write_f32").find("as captured, n=0: cache["), std::string::npos) << outcome.out;
  EXPECT_EQ(why_of(report, "cases", "rms_norm_33"), "");
}

TEST(ConformCli, AttachedPluginsAreJudgedOnTheirOwnersDevice) {
  ::setenv("BACKPLANE_PLUGIN_PATH", BP_BUILD_DIR "/lib/backplane/plugins", 1);
  const Outcome outcome =
      conform({BP_ATTACHED_PLUGIN_DIR "/last_norm.so", "--only", "^(pattern_|matmul_f32_odd)", "--json"});
  ::unsetenv("BACKPLANE_PLUGIN_PATH");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  const json::object report = object_of(outcome);
  EXPECT_EQ(report.at("counts").at("passed"), 1);
  EXPECT_EQ(report.at("counts").at("no_kernel"), 1) << "the owner's kernels are not under test";
  EXPECT_TRUE(report.at("plugin").at("attached").as_bool());
}

TEST(ConformCli, APortWithoutKernelsReachesGrade0) {
  const Outcome outcome = conform({fake("memory_only"), "--json", "--no-times"});
  const json::object report = object_of(outcome);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(report.at("grade"), 0) << write_json(report.at("next"));
  EXPECT_NE(write_json(report.at("next")).find("matmul"), std::string::npos);
}

// What crashes, exits or hangs fails by name; the cases after it are run all the same.
TEST(ConformCli, CrashesAndHangsCostOneCaseEach) {
  const Outcome outcome =
      conform({fake("crashes"), "--json", "--no-times", "--timeout", "2", "--only", "^(relu|neg|abs|sigmoid|tanh)$"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
  const json::object report = object_of(outcome);
#ifdef __SANITIZE_ADDRESS__
  const std::string crash = "ended the process";  // AddressSanitizer makes an exit of the signal
#else
  const std::string crash = "signal 11";
#endif
  EXPECT_NE(why_of(report, "cases", "neg").find(crash), std::string::npos) << why_of(report, "cases", "neg");
  EXPECT_NE(why_of(report, "cases", "abs").find("did not end within 2 s"), std::string::npos);
  EXPECT_NE(why_of(report, "cases", "sigmoid").find("exit code 7"), std::string::npos);
  EXPECT_NE(why_of(report, "cases", "tanh").find("written past its end"), std::string::npos)
      << why_of(report, "cases", "tanh");
  EXPECT_EQ(why_of(report, "cases", "relu"), "");
  EXPECT_EQ(report.at("counts").at("passed"), 1);
}

TEST(ConformCli, SkipsNeedAReason) {
  const Alone reasoned(fake("crashes"), "[crashes]\nneg = \"it crashes on purpose\"\n");
  const Outcome skipped = conform({reasoned.file(), "--json", "--no-times", "--only", "^(relu|neg)$"});
  EXPECT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_EQ(why_of(object_of(skipped), "cases", "neg"), "it crashes on purpose");

  const Alone empty(fake("crashes"), "[crashes]\nneg = \" \"\n");
  const Outcome refused = conform({empty.file(), "--only", "^neg$"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_NE(refused.err.find("neg is skipped without a reason"), std::string::npos) << refused.err;

  const Alone wrong(fake("memory_only"), "[memory_only]\nno_such_case = \"?\"\n");
  const Outcome unknown = conform({wrong.file(), "--no-times"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("no_such_case is no case"), std::string::npos) << unknown.err;
}

TEST(ConformCli, WhatIsNoPluginIsRefused) {
  const Outcome text = conform({write_temp("text.so", "not a library"), "--json"});
  EXPECT_EQ(text.exit_code, 3);
  EXPECT_EQ(object_of(text).at("error").at("code"), "refused");
  EXPECT_NE(text.err.find("NOT_ELF"), std::string::npos) << text.err;
  EXPECT_EQ(conform({"/nonexistent/plugin.so"}).exit_code, 3);
  EXPECT_EQ(conform({fake("no_entry")}).exit_code, 3);
}

TEST(ConformCli, WrongUsageIsToldApart) {
  EXPECT_EQ(conform({}).exit_code, 2);
  EXPECT_EQ(conform({kCpu, "--only", "("}).exit_code, 2);
  EXPECT_EQ(conform({kCpu, "--only", "^there is none$"}).exit_code, 2);
  EXPECT_EQ(conform({kCpu, "--set", "threads"}).exit_code, 2);
  EXPECT_EQ(conform({kCpu, "--device", "5"}).exit_code, 4);
}

}  // namespace
}  // namespace bp::e2e
