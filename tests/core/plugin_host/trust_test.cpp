#include "plugin_host/trust.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_file.h"

namespace bp {
namespace {

using testing::HasSubstr;

PluginVerdict verdict_of(const std::string& path) { return PluginRegistry::discover(only({path}))->verdicts()[0]; }

TEST(Trust, FilesThatOthersMayWriteAreRefused) {
  const TempDir dir;
  const std::string path = dir.copy("good", "good.so");
  EXPECT_EQ(verdict_of(path).verdict, Verdict::kOk);
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  const PluginVerdict refused = verdict_of(path);
  EXPECT_EQ(refused.verdict, Verdict::kUntrusted);
  EXPECT_THAT(refused.reason, HasSubstr("may be written by others (mode 666)"));
  EXPECT_EQ(refused.fix, "chmod go-w " + path);
}

TEST(Trust, FoldersThatOthersMayWriteAreRefusedAndSoAreLinksInThem) {
  const TempDir open, closed;
  const std::string inside = open.copy("good", "good.so");
  const std::string link = open.path() + "/link.so";
  ASSERT_EQ(::symlink(closed.copy("good", "good.so").c_str(), link.c_str()), 0);
  ASSERT_EQ(::chmod(open.path().c_str(), 01777), 0);
  EXPECT_EQ(verdict_of(inside).verdict, Verdict::kUntrusted);
  EXPECT_EQ(verdict_of(link).verdict, Verdict::kUntrusted);
  EXPECT_THAT(verdict_of(link).reason, HasSubstr("its folder " + open.path()));
  ASSERT_EQ(::chmod(open.path().c_str(), 0755), 0);
  EXPECT_EQ(verdict_of(link).verdict, Verdict::kOk);
}

TEST(Trust, FilesOfStrangersAreRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const TempDir dir;
  const std::string path = dir.copy("good", "good.so");
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  EXPECT_EQ(verdict_of(path).verdict, Verdict::kUntrusted);
  EXPECT_THAT(verdict_of(path).reason, HasSubstr("belongs to user 12345"));
  ASSERT_EQ(::chown(path.c_str(), 0, 12345), 0);
  EXPECT_EQ(verdict_of(path).verdict, Verdict::kOk);
  ASSERT_EQ(::chmod(path.c_str(), 0664), 0);  // by a group that is not ours
  EXPECT_EQ(verdict_of(path).verdict, Verdict::kUntrusted);
}

}  // namespace
}  // namespace bp
