#include "plugin_host/staging.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/sha256.h"
#include "fake_file.h"

namespace bp {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

StagedCopy stage(const StagingFolder& folder, const std::string& path, const std::string& name = "good") {
  auto image = ElfImage::open(path);
  EXPECT_TRUE(image.has_value());
  auto copy = folder.stage(*image, path, name);
  EXPECT_TRUE(copy.has_value()) << copy.error().reason;
  return copy.value_or(StagedCopy{});
}

TEST(StagingFolder, ACopyIsNamedByItsContentAndIsOursAlone) {
  const TempDir dir;
  const std::string root = dir.path() + "/a/staged";
  const auto folder = StagingFolder::open(root);
  ASSERT_TRUE(folder.has_value()) << folder.error().message();
  const StagedCopy copy = stage(*folder, fake_path("good"));
  EXPECT_EQ(copy.sha256, sha256_of_file(fake_path("good")).value());
  EXPECT_EQ(copy.path, root + "/" + copy.sha256 + "/good.so");
  EXPECT_EQ(read_bytes(copy.path), read_bytes(fake_path("good")));
  struct stat info{};
  ASSERT_EQ(::stat(root.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  EXPECT_TRUE(StagingFolder::is_intact(copy.path, copy.identity));
}

TEST(StagingFolder, EqualContentIsOneCopyAndADamagedOneIsReplaced) {
  const TempDir dir;
  const auto folder = StagingFolder::open(dir.path() + "/staged");
  ASSERT_TRUE(folder.has_value());
  const StagedCopy first = stage(*folder, dir.copy("good", "first.so"));
  const StagedCopy second = stage(*folder, dir.copy("good", "second.so"));
  EXPECT_EQ(first.path, second.path);
  EXPECT_EQ(first.identity, second.identity);
  fs::permissions(first.path, fs::perms::owner_all);
  fs::resize_file(first.path, 100);
  EXPECT_FALSE(StagingFolder::is_intact(first.path, first.identity));
  const StagedCopy third = stage(*folder, dir.path() + "/first.so");
  EXPECT_EQ(read_bytes(third.path), read_bytes(fake_path("good")));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path() + "/staged"), {}), 1);
}

TEST(StagingFolder, AFolderThatIsNoneOfOursIsRefused) {
  const TempDir dir;
  const std::string file = dir.write("file", "");
  EXPECT_FALSE(StagingFolder::open(file).has_value());
  EXPECT_FALSE(StagingFolder::open(file + "/below").has_value());
  ASSERT_EQ(::symlink("/tmp", (dir.path() + "/link").c_str()), 0);
  const auto linked = StagingFolder::open(dir.path() + "/link");
  ASSERT_FALSE(linked.has_value());
  EXPECT_THAT(linked.error().message(), HasSubstr("no folder of ours"));
}

TEST(StagingFolder, OldCopiesAreRemovedButForTheNewestFew) {
  const TempDir dir;
  const std::string root = dir.path() + "/staged";
  const auto folder = StagingFolder::open(root);
  ASSERT_TRUE(folder.has_value());
  const auto hours_ago = [](int n) { return fs::file_time_type::clock::now() - std::chrono::hours(n); };
  for (int i = 0; i < 20; ++i) {
    const std::string name = root + "/" + std::to_string(i);
    fs::create_directory(name);
    fs::last_write_time(name, hours_ago(100 - i));
  }
  fs::create_directory(root + "/new-x");
  fs::last_write_time(root + "/new-x", hours_ago(2));
  const StagedCopy fresh = stage(*folder, fake_path("good"));
  folder->clean({root + "/0/used.so"});
  EXPECT_TRUE(fs::exists(root + "/0"));  // in use
  EXPECT_FALSE(fs::exists(root + "/1"));
  EXPECT_TRUE(fs::exists(root + "/19"));
  EXPECT_FALSE(fs::exists(root + "/new-x"));  // a copy that was never finished
  EXPECT_TRUE(fs::exists(fresh.path));
  EXPECT_LE(std::distance(fs::directory_iterator(root), {}), 9);
}

TEST(StagingFolder, ATemporaryOneIsGoneWithItsObject) {
  std::string path;
  {
    const auto folder = StagingFolder::temporary();
    ASSERT_TRUE(folder.has_value()) << folder.error().message();
    path = stage(*folder, fake_path("good")).path;
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(StagingFolder, LibrariesBesideTheOriginalAreFoundFromTheCopy) {
  const TempDir dir;
  fs::create_directories(dir.path() + "/plugins/beside");
  const std::string path = dir.copy("origin", "plugins/origin.so");
  const std::string library =
      dir.write("plugins/beside/libfake_beside.so", read_bytes(BP_BUILD_DIR "/tests/fakes/beside/libfake_beside.so"));
  const auto registry = PluginRegistry::discover(only({path}));
  EXPECT_EQ(registry->verdicts()[0].verdict, Verdict::kOk) << registry->verdicts()[0].reason;
  fs::remove(library);
  PluginSearch anew = only({path});
  anew.fresh = true;  // this process has it loaded
  const PluginVerdict refused = PluginRegistry::discover(anew)->verdicts()[0];
  EXPECT_EQ(refused.verdict, Verdict::kMissingLibs) << refused.reason;
  EXPECT_THAT(refused.reason, HasSubstr("libfake_beside.so"));
}

}  // namespace
}  // namespace bp
