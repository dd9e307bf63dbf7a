#include "config/toml_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace bp {
namespace {

TEST(TomlReader, FlattensTablesInTheOrderOfTheFile) {
  const auto entries = read_toml("[kv]\npage_size = 16\n  dtype = 'f16'\n[plugin.cpu]\nthreads = 4\n[log]\n", "f.toml");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 4u);
  EXPECT_EQ((*entries)[0].key, "kv.page_size");
  EXPECT_EQ((*entries)[0].line, 2u);
  EXPECT_EQ((*entries)[1].key, "kv.dtype");
  EXPECT_EQ((*entries)[1].line, 3u);
  EXPECT_EQ((*entries)[1].column, 3u);
  EXPECT_EQ((*entries)[2].key, "plugin.cpu.threads");
  EXPECT_EQ((*entries)[3].key, "log");
}

TEST(TomlReader, QuotedDotsAreNoSections) {
  const auto entries = read_toml("\"kv.page_size\" = 16\n", "f.toml");
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->front().key, "\"kv.page_size\"");
}

TEST(TomlReader, SyntaxErrorsHaveTheirPlace) {
  const auto entries = read_toml("[kv]\npage_size = \n", "f.toml");
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().file, "f.toml");
  EXPECT_EQ(entries.error().line, 2u);
}

TEST(TomlReader, DuplicateKeysAreErrors) {
  const auto entries = read_toml("[kv]\npage_size = 16\npage_size = 32\n", "f.toml");
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().line, 3u);
}

TEST(TomlReader, BadTextIsRefused) {
  for (const char* text : {"\xff\xfe",
                           "a = \"\xc3\x28\"",
                           "a = \"\\ud800\"",
                           "a",
                           "=",
                           "[",
                           "[[",
                           "a = [",
                           "a = {",
                           "a = '''",
                           "a = 99999999999999999999",
                           "a = 0x",
                           "[{a]",
                           "[a.{]",
                           "{a}",
                           "a.= 1",
                           "a = {,}",
                           "[a]\n[a]\n",
                           "a = 1\n[a.b]\n",
                           "a = 2020-13-01"}) {
    EXPECT_FALSE(read_toml(text, "f.toml")) << text;
  }
}

TEST(TomlReader, DeepNestingIsRefusedAndNotRecursedInto) {
  std::string arrays = "a = " + std::string(100'000, '[');
  EXPECT_FALSE(read_toml(arrays, "f.toml"));
  std::string tables = "a = ";
  for (int i = 0; i < 1000; ++i) tables += "{b = ";
  EXPECT_FALSE(read_toml(tables, "f.toml"));
  std::string dots = "a";
  for (int i = 0; i < 100'000; ++i) dots += ".a";
  EXPECT_FALSE(read_toml(dots + " = 1", "f.toml"));
  EXPECT_FALSE(read_toml("[" + dots + "]", "f.toml"));
}

TEST(TomlReader, TheDeepestThatIsReadIsSafe) {
  std::string line = "a";
  for (int i = 0; i < 190; ++i) line += ".a";
  std::string text = "[" + line + "]\n" + line + " = [\n";
  for (int i = 0; i < 5; ++i) text += "{" + line + " = [\n";
  for (int i = 0; i < 5; ++i) text += "]},";
  EXPECT_TRUE(read_toml(text + "]\n", "f.toml"));
}

TEST(TomlReader, LargeFilesAreRefused) {
  EXPECT_FALSE(read_toml(std::string(kMaxConfigBytes + 1, ' '), "f.toml"));
  EXPECT_TRUE(read_toml(std::string(kMaxConfigBytes, ' '), "f.toml"));
}

}  // namespace
}  // namespace bp
