#include "plugin_host/probe.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>

#include "fake_file.h"
#include "plugin_host/isa.h"

namespace bp {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Environment() { ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

// What the host says of the fake that does `deed` at `place`.
PluginVerdict verdict_of(const std::string& deed, const std::string& place) {
  const Environment what("FAKE_DEED", deed), where("FAKE_PLACE", place);
  PluginSearch search = only({fake_path("misbehaves")});
  search.fresh = search.probe_open = true;
  search.probe = ProbeMode::kRequired;  // never here
  search.probe_timeout_ms = deed == "hang" ? 1500 : 60'000;
  const auto registry = PluginRegistry::discover(search);
  EXPECT_TRUE(registry->devices().empty());
  return registry->verdicts()[0];
}

class Misbehaviour : public testing::TestWithParam<const char*> {};

TEST_P(Misbehaviour, IsAVerdictAndNothingElse) {
  const std::string place = GetParam();
  const std::string step = place == "constructor" ? "constructors" : place == "entry" ? "bp_plugin_entry_v0" : place;
  const auto signal = [&](const char* deed, const char* name) {
    const PluginVerdict verdict = verdict_of(deed, place);
    EXPECT_EQ(verdict.verdict, Verdict::kProbeSignal) << verdict_name(verdict.verdict) << verdict.reason;
    EXPECT_THAT(verdict.reason, AllOf(HasSubstr(name), HasSubstr(step), HasSubstr(std::string("about to ") + deed)));
    EXPECT_FALSE(verdict.fix.empty());
  };
  signal("segfault", "SIGSEGV");
  signal("illegal", "SIGILL");
  signal("abort", "SIGABRT");
  const PluginVerdict left = verdict_of("exit", place);
  EXPECT_EQ(left.verdict, Verdict::kProbeExit) << left.reason;
  EXPECT_THAT(left.reason, AllOf(HasSubstr("exit code 3"), HasSubstr(step)));
  const PluginVerdict hung = verdict_of("hang", place);
  EXPECT_EQ(hung.verdict, Verdict::kProbeTimeout) << hung.reason;
  EXPECT_THAT(hung.reason, AllOf(HasSubstr("1500 ms"), HasSubstr(step)));
  const PluginVerdict forked = verdict_of("fork", place);
  EXPECT_EQ(forked.verdict, Verdict::kProbeExit) << forked.reason;
  EXPECT_THAT(forked.reason, HasSubstr("second process"));
  const PluginVerdict leaked = verdict_of("leak", place);
  EXPECT_EQ(leaked.verdict, Verdict::kProbeExit) << leaked.reason;
  EXPECT_THAT(leaked.reason, HasSubstr("descriptors open"));
}

INSTANTIATE_TEST_SUITE_P(At, Misbehaviour,
                         testing::Values("constructor", "entry", "enumerate", "open", "close", "shutdown"),
                         [](const auto& place) { return std::string(place.param); });

TEST(Probe, AFakeThatBehavesPassesWithItsDevicesTried) {
  PluginSearch search = only({fake_path("misbehaves")});
  search.probe_open = true;
  const auto registry = PluginRegistry::discover(search);
  EXPECT_EQ(registry->verdicts()[0].verdict, Verdict::kOk) << registry->verdicts()[0].reason;
  EXPECT_EQ(registry->devices().size(), 1u);
}

TEST(Probe, AnExceptionFromAnEntryIsContained) {
  const auto registry = PluginRegistry::discover(only({fake_path("throws")}));
  EXPECT_EQ(registry->verdicts()[0].verdict, Verdict::kProbeSignal);
  EXPECT_THAT(registry->verdicts()[0].reason, AllOf(HasSubstr("SIGABRT"), HasSubstr("thrown by a plugin")));
}

TEST(Probe, WhatItRefusesReadsAsTheHostWouldSayIt) {
  const auto refused = probe({.helper = find_probe_helper({}), .file = fake_path("bad_table")});
  ASSERT_TRUE(refused.has_value()) << refused.error().message();
  ASSERT_TRUE(refused->has_value());
  EXPECT_EQ((*refused)->verdict, Verdict::kBadTable);
  EXPECT_THAT((*refused)->reason, HasSubstr("open is null"));
  const auto fine = probe({.helper = find_probe_helper({}), .file = fake_path("good"), .ops = {"add@1"}});
  ASSERT_TRUE(fine.has_value()) << fine.error().message();
  EXPECT_FALSE(fine->has_value());
}

TEST(Probe, TheHelperIsFoundBesideTheProgramOrAPluginFolder) {
  EXPECT_EQ(find_probe_helper({}), BP_BUILD_DIR "/libexec/backplane/probe");
  const TempDir prefix;
  const std::string folder = prefix.path() + "/lib/backplane/plugins";
  const std::string helper = prefix.path() + "/libexec/backplane/probe";
  std::filesystem::create_directories(prefix.path() + "/libexec/backplane");
  std::filesystem::copy_file(BP_BUILD_DIR "/libexec/backplane/probe", helper);
  const Environment none("BACKPLANE_PROBE", helper);
  EXPECT_EQ(find_probe_helper({}), helper);
  EXPECT_EQ(find_probe_helper({&folder, 1}), helper);
  // One that others may write to is no helper.
  std::filesystem::permissions(helper, std::filesystem::perms::others_write, std::filesystem::perm_options::add);
  EXPECT_EQ(find_probe_helper({}), "");
}

TEST(Probe, WithoutAHelperNewPluginsAreLoadedUnlessItIsRequired) {
  const Environment none("BACKPLANE_PROBE", "/nonexistent/probe");
  testing::internal::CaptureStderr();
  PluginSearch search = only({fake_path("good")});
  EXPECT_EQ(PluginRegistry::discover(search)->verdicts()[0].verdict, Verdict::kOk);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("libexec/backplane/probe is not installed"));
  search.probe = ProbeMode::kRequired;
  search.fresh = true;  // what was probed once needs no helper
  const PluginVerdict refused = PluginRegistry::discover(search)->verdicts()[0];
  EXPECT_EQ(refused.verdict, Verdict::kNotAllowed);
  EXPECT_THAT(refused.reason, HasSubstr("cannot be probed"));
}

TEST(Probe, AHelperThatDoesNotRunIsNotThePluginsFault) {
  const auto refused = probe({.helper = "/bin/false", .file = fake_path("good")});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(), HasSubstr("does not start (exit code 1)"));
  EXPECT_FALSE(probe({.helper = "/nonexistent/probe", .file = fake_path("good")}).has_value());
}

}  // namespace
}  // namespace bp
