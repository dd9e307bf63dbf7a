#include "plugin_host/registry.h"

#include <gmock/gmock.h>

#include "fake_file.h"

namespace bp {
namespace {

using testing::HasSubstr;

PluginVerdict verdict_of(const std::string& path) {
  const auto registry = PluginRegistry::discover(only({path}));
  EXPECT_EQ(registry->verdicts().size(), 1u);
  EXPECT_EQ(registry->devices().empty(), registry->verdicts()[0].verdict != Verdict::kOk);
  return registry->verdicts()[0];
}

TEST(PluginRegistry, AGoodPluginBringsItsDevicesAndOptions) {
  const auto registry = PluginRegistry::discover(only({fake_path("good")}));
  const PluginVerdict& verdict = registry->verdicts()[0];
  EXPECT_EQ(verdict.verdict, Verdict::kOk) << verdict.reason;
  EXPECT_EQ(verdict.name, "good");
  EXPECT_EQ(verdict.version, "1.2.3");
  ASSERT_EQ(registry->devices().size(), 1u);
  const DeviceInfo& info = registry->devices()[0];
  EXPECT_EQ(info.id, "good:0");
  EXPECT_EQ(info.name, "Fake good");
  EXPECT_EQ(info.plugin, "good");
  EXPECT_EQ(info.memory_bytes, 1u << 20);
  ASSERT_EQ(registry->options().size(), 1u);
  EXPECT_EQ(registry->options()[0].plugin, "good");
  EXPECT_EQ(registry->options()[0].options[0].key, "threads");
}

TEST(PluginRegistry, EveryKindOfBadPluginHasItsVerdict) {
  EXPECT_EQ(verdict_of(fake_path("no_device")).verdict, Verdict::kNoDevice);
  EXPECT_EQ(verdict_of(fake_path("no_entry")).verdict, Verdict::kNoEntry);
  EXPECT_EQ(verdict_of(fake_path("bad_table")).verdict, Verdict::kBadTable);
  EXPECT_THAT(verdict_of(fake_path("bad_table")).reason, HasSubstr("open is null"));
  EXPECT_EQ(verdict_of(fake_path("endless_text")).verdict, Verdict::kBadTable);
  const PluginVerdict failed = verdict_of(fake_path("entry_fails"));
  EXPECT_EQ(failed.verdict, Verdict::kEntryFailed);
  EXPECT_THAT(failed.reason, HasSubstr("the fake runtime is not there"));
  EXPECT_EQ(failed.fix, "install the fake runtime");
}

TEST(PluginRegistry, AllMissingLibrariesAreNamedWithThePluginsHint) {
  const PluginVerdict verdict = verdict_of(fake_path("missing_library"));
  EXPECT_EQ(verdict.verdict, Verdict::kMissingLibs);
  EXPECT_THAT(verdict.reason, HasSubstr("libfake_absent_one.so"));
  EXPECT_THAT(verdict.reason, HasSubstr("libfake_absent_two.so"));
  EXPECT_EQ(verdict.fix, "install the fake runtime");
}

TEST(PluginRegistry, NeedsOfTheManifestAreMissedBeforeTheLoad) {
  const TempDir dir;
  const auto with_needs = [&](const char* needs) {
    return verdict_of(dir.write("needs.so", with_manifest([&](bp_manifest& m) { std::strcpy(m.needs, needs); })));
  };
  const PluginVerdict missing = with_needs("libbp_absent.so.7>=1.2;libc.so.6;libbp_other.so");
  EXPECT_EQ(missing.verdict, Verdict::kMissingLibs);
  EXPECT_EQ(missing.reason, "not on this machine: libbp_absent.so.7, libbp_other.so");
  EXPECT_EQ(with_needs("libbp_absent.so.7?;libc.so.6").verdict, Verdict::kOk);
}

TEST(PluginRegistry, ABadFileStopsNothing) {
  const TempDir dir;
  dir.write("a_text.so", "not a plugin");
  dir.write("b_cut.so", read_bytes(fake_path("good")).substr(0, 5000));
  std::filesystem::create_directory(dir.path() + "/c_dir.so");
  const std::string good = dir.copy("good", "d_good.so");
  PluginSearch search = only({});
  search.dirs = {dir.path()};
  const auto registry = PluginRegistry::discover(search);
  ASSERT_EQ(registry->verdicts().size(), 4u);
  EXPECT_EQ(registry->verdicts()[0].verdict, Verdict::kNotElf);
  EXPECT_EQ(registry->verdicts()[1].verdict, Verdict::kTruncated);
  EXPECT_EQ(registry->verdicts()[2].verdict, Verdict::kNotElf);
  EXPECT_EQ(registry->verdicts()[3].verdict, Verdict::kOk);
  EXPECT_EQ(registry->verdicts()[3].file, good);
}

TEST(PluginRegistry, TheFirstOfANameWinsUnlessItCannotBeUsed) {
  const TempDir dir;
  const std::string broken = dir.write("broken.so", with_manifest([](bp_manifest& m) { m.sanitizer = 1u << 31; }));
  const std::string first = dir.copy("good", "first.so");
  const std::string second = dir.copy("good", "second.so");
  const auto registry = PluginRegistry::discover(only({broken, first, second}));
  EXPECT_EQ(registry->verdicts()[0].verdict, Verdict::kSanitizer);
  EXPECT_EQ(registry->verdicts()[1].verdict, Verdict::kOk);
  EXPECT_EQ(registry->verdicts()[2].verdict, Verdict::kShadowed);
  EXPECT_THAT(registry->verdicts()[2].reason, HasSubstr(first));
  EXPECT_EQ(registry->devices().size(), 1u);
}

TEST(PluginRegistry, OnlyAllowedPluginsAreLoaded) {
  PluginSearch search = only({fake_path("good"), fake_path("unusable")});
  search.allow = {"unusable"};
  const auto registry = PluginRegistry::discover(search);
  EXPECT_EQ(registry->verdicts()[0].verdict, Verdict::kNotAllowed);
  EXPECT_EQ(registry->verdicts()[1].verdict, Verdict::kOk);
}

TEST(PluginRegistry, AutoTakesAUsableDevice) {
  const auto registry = PluginRegistry::discover(only({fake_path("unusable"), fake_path("good")}));
  const auto device = registry->open("auto");
  ASSERT_TRUE(device.has_value()) << device.error().message();
  EXPECT_EQ((*device)->info().id, "good:0");
}

TEST(PluginRegistry, AMissingOrUnusableDeviceIsExplained) {
  const auto registry = PluginRegistry::discover(only({fake_path("unusable"), fake_path("no_entry")}));
  const auto missing = registry->open("good:0");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kDevice);
  EXPECT_THAT(missing.error().message(), HasSubstr("unusable:0 (unusable: its driver is too old)"));
  EXPECT_THAT(missing.error().message(), HasSubstr("no_entry.so NO_ENTRY"));
  const auto unusable = registry->open("unusable:0");
  ASSERT_FALSE(unusable.has_value());
  EXPECT_THAT(unusable.error().message(), HasSubstr("is unusable: its driver is too old"));
  EXPECT_FALSE(registry->open("auto").has_value());
}

TEST(PluginRegistry, ADeviceThatFailsItsSelfTestIsPassedOver) {
  std::vector<std::string> tested;
  HostCallbacks callbacks;
  callbacks.self_test = [&](Device& device) -> Status {
    tested.push_back(device.info().id);
    if (device.info().id == "good:0") return fail(ErrorCode::kDevice, "self-test", "1 + 1 is 3");
    return {};
  };
  const auto registry = PluginRegistry::discover(only({fake_path("good"), fake_path("timed")}), std::move(callbacks));
  const auto best = registry->open("auto");
  ASSERT_TRUE(best.has_value()) << best.error().message();
  EXPECT_EQ((*best)->info().id, "timed:0");
  EXPECT_EQ(registry->verdicts()[0].verdict, Verdict::kSelftest);
  EXPECT_THAT(registry->verdicts()[0].reason, HasSubstr("good:0 failed its self-test: self-test: 1 + 1 is 3"));
  const auto named = registry->open("good:0");
  ASSERT_FALSE(named.has_value());
  EXPECT_THAT(named.error().message(), HasSubstr("1 + 1 is 3"));
  // Once each: what passed is not tried again, nor what failed.
  EXPECT_TRUE(registry->open("timed:0").has_value());
  EXPECT_THAT(tested, testing::ElementsAre("good:0", "timed:0"));
}

TEST(PluginRegistry, CanBeMadeAgain) {
  for (int i = 0; i < 3; ++i) {
    const auto registry = PluginRegistry::discover(only({fake_path("good")}));
    EXPECT_TRUE(registry->open("good:0").has_value());
  }
}

}  // namespace
}  // namespace bp
