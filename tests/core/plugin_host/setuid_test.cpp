// What a setuid program makes of its environment: nothing. A copy of this program with the setuid bit, run by nobody,
// tells what it finds; the same copy without the bit finds it all.
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/child.h"
#include "fake_file.h"
#include "plugin_host/find.h"
#include "plugin_host/pipeline.h"
#include "plugin_host/probe.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAsked = "BACKPLANE_TEST_TELLS";

[[noreturn]] void tell_and_leave() {
  const std::string helper = std::getenv("BACKPLANE_PROBE"), cache = std::getenv("XDG_CACHE_HOME");
  const PluginSearch search{.paths = {}, .dirs = {}, .allow = {}, .use_default_dirs = false};
  std::printf("secure=%d files=%zu helper=%d cache=%d\n", ::getauxval(AT_SECURE) != 0 ? 1 : 0,
              find_plugin_files(search).files.size(), find_probe_helper({}) == helper ? 1 : 0,
              plugin_cache_folder("").starts_with(cache) ? 1 : 0);
  std::fflush(stdout);
  ::_exit(0);  // nothing may trace it: no search for leaks
}

TEST(Setuid, TheEnvironmentCountsForNothing) {
  if (std::getenv(kAsked) != nullptr) tell_and_leave();
  if (::geteuid() != 0) GTEST_SKIP() << "only root makes programs of root's";
  const TempDir dir;
  const std::string copy = dir.path() + "/copy", plugins = dir.path() + "/plugins";
  fs::copy_file("/proc/self/exe", copy);
  fs::create_directory(plugins);
  dir.write("plugins/a.so", "");
  ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(plugins.c_str(), 0755), 0);
  const ChildCommand command{.arguments = {"env", std::string(kAsked) + "=1", "BACKPLANE_PLUGIN_PATH=" + plugins,
                                           "BACKPLANE_PROBE=" + copy, "XDG_CACHE_HOME=" + dir.path(), "setpriv",
                                           "--reuid=65534", "--regid=65534", "--clear-groups", copy,
                                           "--gtest_filter=Setuid.TheEnvironmentCountsForNothing"}};
  const auto told = [&](mode_t mode) {
    EXPECT_EQ(::chmod(copy.c_str(), mode), 0);
    const auto end = run_child(command);
    return end.has_value() ? end->messages : end.error().message();
  };
  const std::string plain = told(0755);
  if (plain.find("secure=0 ") == std::string::npos) GTEST_SKIP() << "a copy cannot be run by nobody: " << plain;
  EXPECT_NE(plain.find("files=1 helper=1 cache=1\n"), std::string::npos) << plain;
  const std::string secure = told(04755);
  if (secure.find("secure=0 ") != std::string::npos) GTEST_SKIP() << "the bit counts for nothing in " << dir.path();
  EXPECT_NE(secure.find("secure=1 files=0 helper=0 cache=0\n"), std::string::npos) << secure;
}

}  // namespace
}  // namespace bp
