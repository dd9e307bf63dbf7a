#include "plugin_host/pipeline.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "fake_file.h"
#include "plugin_host/isa.h"

namespace bp {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

PluginVerdict verdict_of(const PluginSearch& search) {
  const auto registry = PluginRegistry::discover(search);
  EXPECT_EQ(registry->verdicts().size(), 1u);
  return registry->verdicts()[0];
}

TEST(Pipeline, WhateverLiesInTheFolderGetsAVerdictAndNothingHangs) {
  const TempDir dir;
  dir.write("a_empty.so", "");
  dir.write("b_text.so", "not a plugin");
  fs::create_directory(dir.path() + "/c_folder.so");
  ASSERT_EQ(::mkfifo((dir.path() + "/d_pipe.so").c_str(), 0600), 0);
  fs::create_symlink(dir.path() + "/e_loop.so", dir.path() + "/e_loop.so");
  fs::create_symlink("/nonexistent", dir.path() + "/f_dangling.so");
  fs::create_symlink("/dev/zero", dir.path() + "/g_device.so");
  dir.write("h_ok.so", read_bytes(fake_path("good")));
  PluginSearch search = only({});
  search.dirs = {dir.path()};
  const auto registry = PluginRegistry::discover(search);
  ASSERT_EQ(registry->verdicts().size(), 8u);
  for (const PluginVerdict& verdict : registry->verdicts().first(7)) {
    EXPECT_EQ(verdict.verdict, Verdict::kNotElf) << verdict.file;
    EXPECT_FALSE(verdict.reason.empty()) << verdict.file;
  }
  EXPECT_EQ(registry->verdicts()[7].verdict, Verdict::kOk);
}

TEST(Pipeline, AFileCutAnywhereIsToldApart) {
  const TempDir dir;
  const std::string whole = read_bytes(fake_path("good"));
  for (size_t bytes = 512; bytes < whole.size(); bytes += 512) {
    const PluginVerdict verdict = verdict_of(only({dir.write("cut.so", whole.substr(0, bytes))}));
    EXPECT_EQ(verdict.verdict, Verdict::kTruncated) << bytes << ": " << verdict.reason;
  }
}

TEST(Pipeline, ExportsAreCheckedBeforeAnythingRuns) {
  const PluginVerdict extra = verdict_of(only({fake_path("extra_symbol")}));
  EXPECT_EQ(extra.verdict, Verdict::kBadTable);
  EXPECT_THAT(extra.reason, HasSubstr("exports more than its entry: bp_fake_extra"));
  EXPECT_THAT(extra.fix, HasSubstr("version script"));
  EXPECT_THAT(verdict_of(only({fake_path("no_entry")})).reason, HasSubstr("does not export bp_plugin_entry_v0"));
  const PluginVerdict hidden = verdict_of(only({fake_path("hidden_sanitizer")}));
  EXPECT_EQ(hidden.verdict, (host_sanitizers() & BP_SANITIZER_ADDRESS) != 0 ? Verdict::kOk : Verdict::kSanitizer);
}

TEST(Pipeline, APinAdmitsOneContent) {
  const TempDir dir;
  const std::string path = dir.copy("good", "good.so");
  let_settle();
  PluginSearch search = only({path});
  search.pins = {{"other", std::string(64, '0')}, {"good", sha256_of_file(path).value()}};
  EXPECT_EQ(verdict_of(search).verdict, Verdict::kOk);
  EXPECT_EQ(verdict_of(search).verdict, Verdict::kOk);  // known by now
  search.pins[1].sha256 = std::string(64, 'f');
  const PluginVerdict known = verdict_of(search);
  EXPECT_EQ(known.verdict, Verdict::kBadHash);
  EXPECT_THAT(known.reason, AllOf(HasSubstr(sha256_of_file(path).value()), HasSubstr("ffff")));
  search.fresh = true;
  EXPECT_EQ(verdict_of(search).verdict, Verdict::kBadHash);
  search.stage = false;
  EXPECT_EQ(verdict_of(search).verdict, Verdict::kUntrusted);
}

TEST(Pipeline, ACrashIsRememberedUntilTheFileChanges) {
  const TempDir dir;
  const std::string path = dir.copy("misbehaves", "misbehaves.so");
  let_settle();
  ::setenv("FAKE_DEED", "segfault", 1);
  ::setenv("FAKE_PLACE", "entry", 1);
  EXPECT_EQ(verdict_of(only({path})).verdict, Verdict::kProbeSignal);
  ::unsetenv("FAKE_DEED");
  // It would pass now, but nobody tries.
  const PluginVerdict quarantined = verdict_of(only({path}));
  EXPECT_EQ(quarantined.verdict, Verdict::kProbeSignal);
  EXPECT_THAT(quarantined.reason, HasSubstr("SIGSEGV"));
  PluginSearch verify = only({path});
  verify.fresh = true;
  EXPECT_EQ(verdict_of(verify).verdict, Verdict::kOk);
  EXPECT_EQ(verdict_of(only({path})).verdict, Verdict::kOk);
  // And a file that passed is not tried again, until it changes.
  ::setenv("FAKE_DEED", "segfault", 1);
  ::setenv("FAKE_PLACE", "nowhere", 1);
  EXPECT_EQ(verdict_of(only({path})).verdict, Verdict::kOk);
  dir.copy("misbehaves", "misbehaves.so");
  ::setenv("FAKE_PLACE", "enumerate", 1);
  EXPECT_EQ(verdict_of(only({path})).verdict, Verdict::kProbeSignal);
  ::unsetenv("FAKE_DEED");
  ::unsetenv("FAKE_PLACE");
}

TEST(Pipeline, VerdictsThatDependOnTheMachineAreFoundAnew) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(verdict_of(only({fake_path("entry_fails")})).verdict, Verdict::kEntryFailed);
    EXPECT_EQ(verdict_of(only({fake_path("no_device")})).verdict, Verdict::kNoDevice);
    EXPECT_EQ(verdict_of(only({fake_path("missing_library")})).verdict, Verdict::kMissingLibs);
  }
}

TEST(Pipeline, WhatIsKnownIsKeptWhereNobodyElseMayWrite) {
  const TempDir dir;
  PluginSearch search = only({fake_path("good")});
  search.cache_dir = dir.path();
  const std::string folder = dir.path() + "/plugins";
  fs::create_directory(folder);
  fs::permissions(folder, fs::perms::all);
  EXPECT_EQ(verdict_of(search).verdict, Verdict::kOk);
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms::owner_all);
  // Somebody else's, under our name: nothing in it counts.
  fs::rename(folder, dir.path() + "/elsewhere");
  fs::create_directory_symlink(dir.path() + "/elsewhere", folder);
  testing::internal::CaptureStderr();
  EXPECT_EQ(verdict_of(search).verdict, Verdict::kOk);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("no folder of ours"));
}

TEST(Pipeline, WorksWithoutAFolderForCopies) {
  const TempDir dir;
  PluginSearch search = only({fake_path("good")});
  search.cache_dir = dir.write("file", "");  // no folder can be made below
  testing::internal::CaptureStderr();
  EXPECT_EQ(verdict_of(search).verdict, Verdict::kOk);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("cannot hold copies of plugins"));
}

}  // namespace
}  // namespace bp
