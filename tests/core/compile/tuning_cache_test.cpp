#include "compile/tuning_cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>

#include "compile/tuning_journal.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

const std::string kDevice(64, 'd');
const std::string kPlugin(64, 'a');

TuningEntry entry(const std::string& problem, int64_t value = 2) {
  return {{kPlugin, "cpu.matmul", kDevice, problem}, {{"rows", value}, {"ahead", 4096}}, 12.5, 14};
}

class TuningCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("tune_" + std::to_string(::getpid()) + "_" +
                                              testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  TuningCache open(const std::vector<std::string>& seeds = {}) const { return {folder_.string(), kDevice, seeds}; }
  std::string file() const { return TuningCache::file_in(folder_.string(), kDevice); }
  std::string content() const {
    std::ifstream in(file(), std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  void write(const std::string& text) const {
    fs::create_directories(folder_);
    std::ofstream(file(), std::ios::binary) << text;
  }

  fs::path folder_;
};

// Reading and writing a number again may change its last digit; the line is whole all the same.
TEST_F(TuningCacheTest, TakesBackWhateverTimesItWrote) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> log10_us(-3, 6);
  TuningCache cache = open();
  std::vector<TuningEntry> entries;
  for (int i = 0; i < 2000; ++i) {
    entries.push_back(entry("p" + std::to_string(i)));
    entries.back().us = std::pow(10.0, log10_us(random));
    entries.back().default_us = std::pow(10.0, log10_us(random));
  }
  ASSERT_TRUE(cache.add(entries).has_value());
  ASSERT_TRUE(open().add(std::vector{entry("another")}).has_value());
  const TuningCache again = open();
  EXPECT_EQ(again.size(), entries.size() + 1);
  for (const TuningEntry& wanted : entries) {
    const TuningEntry* found = again.find(wanted.key);
    ASSERT_NE(found, nullptr);
    EXPECT_DOUBLE_EQ(found->us, wanted.us);
  }
}

TEST_F(TuningCacheTest, KeepsEntriesAcrossProcesses) {
  EXPECT_EQ(open().size(), 0u) << "no folder is no error";
  TuningCache cache = open();
  ASSERT_TRUE(cache.add(std::vector{entry("a"), entry("b", 4)}).has_value());
  ASSERT_TRUE(cache.add(std::vector{entry("a", 8)}).has_value());
  const TuningCache again = open();
  EXPECT_EQ(again.size(), 2u);
  ASSERT_NE(again.find(entry("a").key), nullptr);
  EXPECT_EQ(*again.find(entry("a").key), entry("a", 8)) << "the last one counts";
  EXPECT_EQ(*again.find(entry("b").key), entry("b", 4));
  EXPECT_EQ(again.find(entry("c").key), nullptr);
}

TEST_F(TuningCacheTest, SaysWhetherAKernelHasAnyEntry) {
  TuningCache cache = open();
  EXPECT_FALSE(cache.has(kPlugin, "cpu.matmul"));
  ASSERT_TRUE(cache.add(std::vector{entry("a")}).has_value());
  EXPECT_TRUE(cache.has(kPlugin, "cpu.matmul"));
  EXPECT_FALSE(cache.has(kPlugin, "cpu.mat"));
  EXPECT_FALSE(cache.has(kPlugin, "cpu.matmul_add"));
  EXPECT_FALSE(cache.has(std::string(64, 'b'), "cpu.matmul"));
}

TEST_F(TuningCacheTest, AnotherBuildOfThePluginAndAnotherDeviceFindNothing) {
  TuningCache cache = open();
  ASSERT_TRUE(cache.add(std::vector{entry("a")}).has_value());
  TuningKey stale = entry("a").key;
  stale.plugin = std::string(64, 'b');
  EXPECT_EQ(open().find(stale), nullptr);
  fs::rename(file(), TuningCache::file_in(folder_.string(), std::string(64, 'e')));
  EXPECT_EQ(TuningCache(folder_.string(), std::string(64, 'e'), {}).size(), 0u);
}

TEST_F(TuningCacheTest, NoBitFlipChangesWhatIsFound) {
  const std::string good = write_tuning_line(entry("a")) + write_tuning_line(entry("b"));
  const size_t second = good.find('\n') + 1;
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    const TuningText read = read_tuning_text(bad);
    for (const TuningEntry& found : read.entries)
      EXPECT_TRUE(found == entry("a") || found == entry("b")) << "byte " << at;
    // The newline between the two joins them, or is one more of white space.
    if (at + 1 != second && at + 1 != good.size()) {
      EXPECT_EQ(read.entries.size(), 1u) << "byte " << at << ": the other line stays";
    }
  }
}

TEST_F(TuningCacheTest, AHalfWrittenFileLosesItsLastLineAlone) {
  const std::string good = write_tuning_line(entry("a")) + write_tuning_line(entry("b"));
  const size_t first = good.find('\n') + 1;
  for (size_t size = 0; size < good.size(); ++size) {
    const TuningText read = read_tuning_text(std::string_view(good).substr(0, size));
    const size_t whole = size + 1 >= good.size() ? 2 : size + 1 >= first ? 1 : 0;
    ASSERT_EQ(read.entries.size(), whole) << size << " bytes";
  }
  write(good.substr(0, first + 30));
  TuningCache cache = open();
  EXPECT_EQ(cache.size(), 1u);
  ASSERT_TRUE(cache.add(std::vector{entry("c")}).has_value());
  EXPECT_EQ(content(), write_tuning_line(entry("a")) + write_tuning_line(entry("c"))) << "damage is gone with it";
}

TEST_F(TuningCacheTest, ValuesOutOfRangeAreDroppedWhateverTheirChecksum) {
  std::vector<TuningEntry> bad(6, entry("a"));
  bad[0].us = 0;
  bad[1].us = std::numeric_limits<double>::infinity();
  bad[2].default_us = -1;
  bad[3].key.plugin = "short";
  bad[4].key.kernel = std::string(5000, 'k');
  bad[5].config.clear();
  for (int i = 0; i < 65; ++i) bad[5].config.push_back({"t" + std::to_string(i), 1});
  for (const TuningEntry& one : bad) {
    const TuningText read = read_tuning_text(write_tuning_line(one));
    EXPECT_TRUE(read.entries.empty());
    EXPECT_EQ(read.n_dropped, 1u);
  }
}

TEST_F(TuningCacheTest, WhatIsNoCacheIsLeftOut) {
  for (const std::string& text : {std::string("\0\xff\xfe{", 4), std::string("[]"), std::string(100'000, '['),
                                  std::string("{\"v\": 1}\n{}\nnull\n")}) {
    write(text);
    EXPECT_EQ(open().size(), 0u);
  }
  fs::remove(file());
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  EXPECT_EQ(open().size(), 0u) << "a FIFO is not waited for";
  fs::remove(file());
  fs::create_directory(file());
  TuningCache cache = open();
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_FALSE(cache.add(std::vector{entry("a")}).has_value());
  EXPECT_NE(cache.find(entry("a").key), nullptr) << "it counts in this process";
}

TEST_F(TuningCacheTest, SeedsCountWhereTheFolderSaysNothing) {
  fs::create_directories(folder_);
  const std::string seed = (folder_ / "plugin.tune.jsonl").string();
  std::ofstream(seed) << write_tuning_line(entry("a", 16)) << write_tuning_line(entry("b", 16));
  TuningCache cache = open({seed, (folder_ / "missing").string()});
  EXPECT_EQ(*cache.find(entry("a").key), entry("a", 16));
  ASSERT_TRUE(cache.add(std::vector{entry("a", 2)}).has_value());
  EXPECT_EQ(content(), write_tuning_line(entry("a", 2))) << "seeds are not copied";
  const TuningCache again = open({seed});
  EXPECT_EQ(*again.find(entry("a").key), entry("a", 2));
  EXPECT_EQ(*again.find(entry("b").key), entry("b", 16));
}

TEST_F(TuningCacheTest, ManyProcessesLoseNoEntry) {
  constexpr int kProcesses = 6;
  constexpr int kEntries = 8;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      bool good = true;
      TuningCache cache = open();
      for (int i = 0; i < kEntries; ++i) {
        const std::vector one{entry(std::to_string(p) + "/" + std::to_string(i))};
        good = good && cache.add(one).has_value();
      }
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  EXPECT_EQ(open().size(), size_t{kProcesses * kEntries});
  EXPECT_EQ(read_tuning_text(content()).n_dropped, 0u);
}

TEST_F(TuningCacheTest, TheFolderIsBelowTheCacheOfTheUser) {
  EXPECT_EQ(tuning_folder("/x"), "/x/tune");
  const char* before = std::getenv("XDG_CACHE_HOME");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("XDG_CACHE_HOME", "/y", 1);
  EXPECT_EQ(tuning_folder(""), "/y/backplane/tune");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_FALSE(tuning_folder("").starts_with("relative"));
  before == nullptr ? ::unsetenv("XDG_CACHE_HOME") : ::setenv("XDG_CACHE_HOME", kept.c_str(), 1);
}

TEST_F(TuningCacheTest, TheJournalKnowsWhatAProcessDiedOf) {
  const std::string path = (folder_ / "x.journal").string();
  {
    auto journal = TuningJournal::open(path);
    ASSERT_TRUE(journal.has_value()) << journal.error().message();
    EXPECT_FALSE(TuningJournal::open(path).has_value()) << "one tuner at a time";
    ASSERT_TRUE(journal->begin("harmless").has_value());
    ASSERT_TRUE(journal->end("harmless").has_value());
    ASSERT_TRUE(journal->begin("deadly").has_value());
    EXPECT_FALSE(journal->kills("deadly"));
  }
  std::ofstream(path, std::ios::app) << "try half";
  for (int open = 0; open < 2; ++open) {
    const auto journal = TuningJournal::open(path);
    ASSERT_TRUE(journal.has_value()) << journal.error().message();
    EXPECT_TRUE(journal->kills("deadly"));
    EXPECT_FALSE(journal->kills("harmless"));
    EXPECT_EQ(journal->n_killers(), 1u);
  }
}

}  // namespace
}  // namespace bp
