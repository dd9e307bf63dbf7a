// backplane plugins …: verdicts, exit codes, pins.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "program.h"

namespace bp::e2e {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string fake(const std::string& name) { return BP_BUILD_DIR "/tests/fakes/" + name + ".so"; }

// A folder for this test alone, and copies and verdicts kept in it.
class PluginsCommand : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = (fs::path(write_temp("mark", "")).parent_path() / "plugins_command").lexically_normal();
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "found");
  }
  void TearDown() override { fs::remove_all(folder_); }

  Outcome plugins(std::vector<std::string> args) const {
    args.insert(args.begin(), "plugins");
    args.insert(args.end(), {"--set", "models.cache_dir=" + (folder_ / "cache").string()});
    return run(args);
  }
  std::string put(const std::string& name, const std::string& file) const {
    const fs::path path = folder_ / "found" / name;
    fs::copy_file(fake(file), path, fs::copy_options::overwrite_existing);
    return path.string();
  }

  fs::path folder_;
};

TEST_F(PluginsCommand, VerifySaysEachVerdictWithAFixAndExitsWith3) {
  const auto refused = [&](const std::string& file, const char* verdict) {
    const Outcome outcome = plugins({"verify", file, "--json"});
    EXPECT_EQ(outcome.exit_code, 3) << file << outcome.err;
    const json::value row = outcome.document().at("plugins").at(0);
    EXPECT_EQ(row.at("verdict").as_string(), verdict) << file << ": " << row.at("reason").as_string().c_str();
    EXPECT_FALSE(row.at("reason").as_string().empty()) << file;
  };
  refused(fake("no_such_file"), "NOT_ELF");
  refused(BP_BUILD_DIR "/tests/fakes/absent/libfake_absent_one.so", "NO_MANIFEST");
  refused(fake("missing_library"), "MISSING_LIBS");
  refused(fake("no_entry"), "NO_ENTRY");
  refused(fake("entry_fails"), "ENTRY_FAILED");
  refused(fake("extra_symbol"), "BAD_TABLE");
  refused(fake("throws"), "PROBE_SIGNAL");
  refused(fake("no_device"), "NO_DEVICE");
  refused(fake("wrong_result"), "SELFTEST");
  const std::string writable = put("writable.so", "good");
  ASSERT_EQ(::chmod(writable.c_str(), 0666), 0);
  refused(writable, "UNTRUSTED");
}

TEST_F(PluginsCommand, VerifyTriesTheDevicesInAnotherProcess) {
  ::setenv("FAKE_DEED", "abort", 1);
  ::setenv("FAKE_PLACE", "close", 1);
  const Outcome crash = plugins({"verify", fake("misbehaves")});
  ::unsetenv("FAKE_DEED");
  ::unsetenv("FAKE_PLACE");
  EXPECT_EQ(crash.exit_code, 3);
  EXPECT_THAT(crash.out, AllOf(HasSubstr("PROBE_SIGNAL"), HasSubstr("SIGABRT"), HasSubstr("close of misbehaves:0")));
  const Outcome fine = plugins({"verify", fake("misbehaves")});
  EXPECT_EQ(fine.exit_code, 0) << fine.out << fine.err;
  EXPECT_THAT(fine.out, HasSubstr("OK"));
}

TEST_F(PluginsCommand, TheCpuPluginPassesEverything) {
  const Outcome outcome = plugins({"verify", BP_BUILD_DIR "/lib/backplane/plugins/cpu.so"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
}

TEST_F(PluginsCommand, DoctorTellsWhereItLookedAndWhatToDo) {
  put("bad.so", "entry_fails");
  put("good.so", "good");
  const Outcome text = plugins({"doctor", "--plugin-dir", (folder_ / "found").string()});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("verdict  ENTRY_FAILED"), HasSubstr("fix      install the fake runtime"),
                              HasSubstr("device   good:0 Fake good"), HasSubstr("/libexec/backplane/probe"),
                              HasSubstr((folder_ / "found").string())));
  const json::value document = plugins({"doctor", "--json", "--plugin-dir", (folder_ / "found").string()}).document();
  EXPECT_EQ(document.at("plugins").at(0).at("verdict").as_string(), "ENTRY_FAILED");
  EXPECT_EQ(document.at("probe_helper").as_string(), BP_BUILD_DIR "/libexec/backplane/probe");
  EXPECT_TRUE(document.at("folders").is_array());
}

TEST_F(PluginsCommand, KernelsListsTheRowsOfADevice) {
  put("good.so", "good");
  const std::string dir = (folder_ / "found").string();
  const json::value document = plugins({"kernels", "--json", "--plugin-dir", dir, "--device", "good:0"}).document();
  ASSERT_EQ(document.at("kernels").as_array().size(), 1u);
  const json::value& row = document.at("kernels").at(0);
  EXPECT_EQ(row.at("id").as_string(), "good.add_one");
  EXPECT_EQ(row.at("pattern").as_string(), "(add ?x ?one)");
  EXPECT_EQ(row.at("tunables").at("tile").as_array().size(), 2u);
  const Outcome text = plugins({"kernels", "--plugin-dir", dir, "--device", "good:0"});
  EXPECT_THAT(text.out, HasSubstr("good.add_one"));
  EXPECT_EQ(plugins({"kernels", "--device", "none:0"}).exit_code, 4);
}

TEST_F(PluginsCommand, PinsAreCheckedAndWrongOnesAreConfigurationErrors) {
  const std::string good = put("good.so", "good");
  const Outcome wrong = plugins({"verify", good, "--json", "--set", "plugins.sha256=good=" + std::string(64, 'a')});
  EXPECT_EQ(wrong.exit_code, 3);
  EXPECT_EQ(wrong.document().at("plugins").at(0).at("verdict").as_string(), "BAD_HASH");
  const Outcome none = plugins({"list", "--set", "plugins.sha256=good=12"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("plugins.sha256: \"good=12\" is no pin"));
  EXPECT_EQ(plugins({"list", "--set", "plugins.probe=maybe"}).exit_code, 2);
}

TEST_F(PluginsCommand, ADeviceThatComputesWronglyIsNotUsed) {
  put("wrong.so", "wrong_result");
  const std::string ids = write_temp("ids.json", "[1, 2, 3]");
  const Outcome outcome = run({"eval", BP_SOURCE_DIR "/tests/goldens/data/llama", "--tokens", ids, "--greedy", "1",
                               "--device", "wrong_result:0", "--plugin-dir", (folder_ / "found").string(), "--set",
                               "models.cache_dir=" + (folder_ / "cache").string()});
  EXPECT_EQ(outcome.exit_code, 4) << outcome.out;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("wrong_result:0 failed its self-test"), HasSubstr("is right")));
}

}  // namespace
}  // namespace bp::e2e
