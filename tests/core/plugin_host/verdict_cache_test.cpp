#include "plugin_host/verdict_cache.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_file.h"

namespace bp {
namespace {

KnownFile known(uint64_t inode) {
  return {
      {1, inode, 100, -5, 7}, std::string(64, 'a'), "/copies/" + std::to_string(inode), {2, inode, 100, 8, 9}, "stamp"};
}

TEST(VerdictCache, KeepsWhatWasPut) {
  const TempDir dir;
  const std::string path = dir.write("a.so", ""), gone = dir.path() + "/gone.so", file = dir.path() + "/verdicts";
  {
    VerdictCache cache(file);
    EXPECT_FALSE(cache.save());  // nothing to write
    KnownFile entry = known(3);
    entry.quarantine = Refusal{Verdict::kProbeSignal, "ended by \"SIGSEGV\"\n", "report"};
    cache.put(path, entry);
    cache.put(gone, known(4));
    EXPECT_TRUE(cache.save());
  }
  const VerdictCache cache(file);
  const KnownFile* found = cache.find(path, known(3).identity);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->copy, "/copies/3");
  EXPECT_EQ(found->copy_identity, known(3).copy_identity);
  ASSERT_TRUE(found->quarantine.has_value());
  EXPECT_EQ(found->quarantine->verdict, Verdict::kProbeSignal);
  EXPECT_EQ(found->quarantine->reason, "ended by \"SIGSEGV\"\n");
  EXPECT_EQ(cache.find(path, known(4).identity), nullptr);  // another file by now
  EXPECT_EQ(cache.find(gone, known(4).identity), nullptr);
  EXPECT_THAT(cache.copies(), testing::ElementsAre("/copies/3"));
}

TEST(VerdictCache, IgnoresWhatIsDamaged) {
  const TempDir dir;
  const std::string a = dir.write("a.so", ""), b = dir.write("b.so", ""), file = dir.path() + "/verdicts";
  {
    VerdictCache cache(file);
    cache.put(a, known(1));
    cache.put(b, known(2));
    ASSERT_TRUE(cache.save());
  }
  const std::string whole = read_bytes(file);
  const size_t first_line = whole.find('\n') + 1;
  for (size_t i = 0; i < first_line - 1; i += 7) {
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ 4);
    dir.write("verdicts", flipped);
    const VerdictCache cache(file);
    EXPECT_EQ(cache.find(a, known(1).identity), nullptr) << i;
    EXPECT_NE(cache.find(b, known(2).identity), nullptr) << i;
  }
  for (const std::string& text :
       {std::string("{}"), std::string("[[[[[["), std::string(100, '\0'), std::string("\n\n")}) {
    dir.write("verdicts", text);
    EXPECT_TRUE(VerdictCache(file).copies().empty());
  }
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  VerdictCache cache(file);
  cache.put(a, known(1));
  EXPECT_FALSE(cache.save());
}

TEST(VerdictCache, ProcessesKeepWhatOthersLearnt) {
  const TempDir dir;
  const std::string file = dir.path() + "/verdicts";
  std::vector<pid_t> children;
  for (uint64_t i = 1; i <= 4; ++i) {
    const std::string path = dir.write(std::to_string(i), "");
    children.push_back(::fork());
    if (children.back() != 0) continue;
    bool saved = true;
    for (int round = 0; round < 5; ++round) {
      VerdictCache cache(file);
      cache.put(path, known(i));
      saved = saved && cache.save();
    }
    ::_exit(saved ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(VerdictCache(file).copies().size(), 4u);
}

}  // namespace
}  // namespace bp
