#include "plugin_host/find.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>

#include "fake_file.h"

namespace bp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> found(const PluginSearch& search) {
  std::vector<std::string> paths;
  for (const FoundFile& file : find_plugin_files(search).files) paths.push_back(file.path);
  return paths;
}

class Environment {
 public:
  explicit Environment(const std::string& value) { ::setenv("BACKPLANE_PLUGIN_PATH", value.c_str(), 1); }
  ~Environment() { ::unsetenv("BACKPLANE_PLUGIN_PATH"); }
};

TEST(FindPluginFiles, PathsComeBeforeDirsBeforeTheEnvironment) {
  const TempDir one, two, three;
  const std::string path = one.write("z.so", "");
  const std::string b = two.write("b.so", "");
  const std::string a = two.write("a.so", "");
  const std::string env = three.write("0.so", "");
  const Environment environment(three.path());
  const PluginSearch search{.paths = {path}, .dirs = {two.path()}, .allow = {}, .use_default_dirs = false};
  EXPECT_THAT(found(search), ElementsAre(path, a, b, env));
  EXPECT_TRUE(find_plugin_files(search).files[0].asked_for);
  EXPECT_FALSE(find_plugin_files(search).files[1].asked_for);
}

TEST(FindPluginFiles, TheEnvironmentCanBeTurnedOffAndNeverMeansTheCurrentFolder) {
  const TempDir dir;
  dir.write("a.so", "");
  {
    const Environment environment(dir.path());
    EXPECT_THAT(found({.paths = {}, .dirs = {}, .allow = {}, .use_environment = false, .use_default_dirs = false}),
                IsEmpty());
  }
  const std::string before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  const Environment environment("::.:");
  EXPECT_THAT(found({.paths = {""}, .dirs = {""}, .allow = {}, .use_default_dirs = false}), IsEmpty());
  std::filesystem::current_path(before);
}

TEST(FindPluginFiles, AFileIsFoundOnceUnderItsFirstName) {
  const TempDir one, two;
  const std::string a = one.write("a.so", "");
  ASSERT_EQ(::symlink(a.c_str(), (two.path() + "/b.so").c_str()), 0);
  EXPECT_THAT(
      found({.paths = {}, .dirs = {one.path(), two.path(), one.path()}, .allow = {}, .use_default_dirs = false}),
      ElementsAre(a));
}

TEST(FindPluginFiles, FoldersGiveSharedLibrariesOnlyAndMayBeAbsent) {
  const TempDir dir;
  dir.write("README", "");
  dir.write("a.so.1", "");
  const std::string loop = dir.path() + "/loop.so";
  ASSERT_EQ(::symlink(loop.c_str(), loop.c_str()), 0);
  EXPECT_THAT(
      found({.paths = {}, .dirs = {dir.path(), dir.path() + "/absent"}, .allow = {}, .use_default_dirs = false}),
      ElementsAre(loop));
}

TEST(FindPluginFiles, TheFolderBesideTheProgramIsLookedInto) {
  const auto places = find_plugin_files({}).places;
  EXPECT_THAT(places, testing::Contains(std::string(BP_BUILD_DIR "/lib/backplane/plugins")));
  EXPECT_THAT(places, testing::Contains(std::string("/usr/lib/backplane/plugins")));
}

}  // namespace
}  // namespace bp
