#include "config/load.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace bp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

Environment environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

std::vector<std::string> problems_of(std::string_view text, const LoadInputs& inputs = {}) {
  const auto config = load_config_text(text, "backplane.toml", inputs);
  std::vector<std::string> lines;
  if (config) return lines;
  for (const ConfigProblem& problem : config.error()) lines.push_back(problem.text());
  return lines;
}

const Setting& setting(const Config& config, std::string_view key) {
  for (const Setting& candidate : config.settings) {
    if (candidate.key == key) return candidate;
  }
  ADD_FAILURE() << key;
  return config.settings.front();
}

// A folder of its own, which is the current one while it lives.
class LoadFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "config_test.XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    before_ = fs::current_path();
    fs::current_path(folder_);
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }
  void write(const std::string& path, std::string_view text) const {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << text;
  }
  fs::path folder_, before_;
};

TEST(Load, NothingSaidIsTheDefaults) {
  const auto config = load_config_text("", "backplane.toml", {});
  ASSERT_TRUE(config);
  EXPECT_THAT(config->device.use, ElementsAre("auto"));
  EXPECT_EQ(config->kv.page_size, 16);
  EXPECT_EQ(setting(*config, "kv.page_size").where, "default");
}

TEST(Load, ValuesOfEveryTypeReachTheirPlace) {
  const auto config = load_config_text(
      "[device]\nuse = ['cuda:0', 'cpu:0']\n[engine]\ndeterministic = false\nbuckets = [1, 8]\nmax_seqs = 0x10\n"
      "[kv]\nmax_bytes = '2GiB'\nmemory_fraction = 1\ndtype = 'bf16'\n[zoo]\nconnect_timeout = '250ms'\n",
      "backplane.toml", {});
  ASSERT_TRUE(config) << config.error().front().text();
  EXPECT_THAT(config->device.use, ElementsAre("cuda:0", "cpu:0"));
  EXPECT_FALSE(config->engine.deterministic);
  EXPECT_THAT(config->engine.buckets, ElementsAre(1, 8));
  EXPECT_EQ(config->engine.max_seqs, 16);
  EXPECT_EQ(config->kv.max_bytes, int64_t{2} << 30);
  EXPECT_EQ(config->kv.memory_fraction, 1.0);
  EXPECT_EQ(config->kv.dtype, "bf16");
  EXPECT_EQ(config->zoo.connect_timeout_ms, 250);
  EXPECT_EQ(setting(*config, "kv.max_bytes").value, "\"2GiB\"");
  EXPECT_EQ(setting(*config, "kv.dtype").where, "backplane.toml:10:1");
}

TEST(Load, EveryProblemIsReportedAtOnceWithItsPlace) {
  LoadInputs inputs{.environment = environment({{"BACKPLANE_LOG_LEVEL", "loud"}}),
                    .flags = {{"engine.max_seqs", {"many"}}}};
  EXPECT_THAT(
      problems_of("[kv]\npage_size = 24\n  pagesize = 16\nmemory_fraction = 'half'\n[engin]\nmax_seqs = "
                  "3\n[engine]\nmax_seqs = 9999\n",
                  inputs),
      ElementsAre(
          "backplane.toml:2:1: kv.page_size = 24 is not a power of two; write a power of two, 1 to 256",
          "backplane.toml:3:3: kv.pagesize is no known key; did you mean kv.page_size?",
          "backplane.toml:4:1: kv.memory_fraction = \"half\" is a string, not a number; write a number, 0.0 to 1.0",
          "backplane.toml:6:1: engin.max_seqs is no known key; did you mean engine.max_seqs?",
          "backplane.toml:8:1: engine.max_seqs = 9999 is out of range; write a whole number, 1 to 4096",
          "$BACKPLANE_LOG_LEVEL: log.level = \"loud\" is not one of the choices; use one of trace, debug, info, warn, "
          "error, off",
          "command line: engine.max_seqs = \"many\" is a string, not an integer; write a whole number, 1 to 4096"));
}

TEST(Load, SectionsAndValuesAreNotConfused) {
  EXPECT_THAT(problems_of("kv = 3\n"),
              ElementsAre("backplane.toml:1:1: kv is a section, not a value; write [kv] and the keys below it"));
  EXPECT_THAT(problems_of("[kv.page_size]\nx = 3\n"),
              ElementsAre(HasSubstr("kv.page_size.x is no key: kv.page_size is a value, not a section")));
  EXPECT_THAT(problems_of("[kv.page_size]\n"),
              ElementsAre(HasSubstr("kv.page_size = a table is a table, not an integer")));
  EXPECT_THAT(problems_of("[enigne]\n"), ElementsAre(HasSubstr("did you mean engine?")));
  EXPECT_THAT(problems_of("[[kv]]\npage_size = 3\n"), ElementsAre(HasSubstr("is a section, not a value")));
  EXPECT_THAT(problems_of("plugin = 3\n"), ElementsAre(HasSubstr("is a section, not a value")));
  EXPECT_THAT(problems_of("[kv]\n[plugin]\n[plugin.cpu]\n"), IsEmpty());
}

TEST(Load, ManyProblemsAreCutShort) {
  std::string text = "[kv]\n";
  for (int i = 0; i < 10'000; ++i) text += fmt::format("wrong_{} = 1\n", i);
  const std::vector<std::string> lines = problems_of(text);
  ASSERT_EQ(lines.size(), 51u);
  EXPECT_EQ(lines.back(), "backplane.toml: and 9950 more problems");
}

TEST(Load, FlagGoesBeforeEnvironmentBeforeFileBeforeDefault) {
  const std::string file = "[log]\nlevel = 'info'\n[models]\ndir = '/of/file'\n[zoo]\nhub_url = 'http://of-file'\n";
  LoadInputs inputs{.environment = environment(
                        {{"BACKPLANE_LOG_LEVEL", "debug"}, {"HF_ENDPOINT", "http://mirror"}, {"BACKPLANE_DEVICE", ""}}),
                    .flags = {{"log.level", {"trace"}}, {"device.use", {"cpu:0", "reference"}}, {"plugins.dirs", {}}}};
  const auto config = load_config_text(file, "backplane.toml", inputs);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->log.level, "trace");
  EXPECT_EQ(setting(*config, "log.level").where, "command line");
  EXPECT_EQ(config->zoo.hub_url, "http://mirror");
  EXPECT_EQ(setting(*config, "zoo.hub_url").where, "$HF_ENDPOINT");
  EXPECT_EQ(config->models.dir, "/of/file");
  EXPECT_EQ(setting(*config, "models.dir").where, "backplane.toml:4:1");
  EXPECT_THAT(config->device.use, ElementsAre("cpu:0", "reference"));
  EXPECT_EQ(setting(*config, "plugins.dirs").source, SettingSource::kDefault);
}

TEST(Load, PathsOfAFileStartAtItsFolder) {
  LoadInputs inputs{.environment = environment({{"HOME", "/home/me"}, {"BACKPLANE_CACHE_DIR", "cache"}})};
  const auto config =
      load_config_text("[plugins]\npaths = ['a.so', '/b.so', '~/c.so', '../d.so']\n", "/etc/bp/backplane.toml", inputs);
  ASSERT_TRUE(config);
  EXPECT_THAT(config->plugins.paths, ElementsAre("/etc/bp/a.so", "/b.so", "/home/me/c.so", "/etc/d.so"));
  EXPECT_EQ(config->models.cache_dir, "cache");
}

TEST(Load, MessagesStayOnOneLineWhateverTheFileHolds) {
  for (const std::string& line : problems_of("[kv]\ndtype = \"a\\nb\\u001b[31m\"\n\"x\\ny\" = 1\n")) {
    EXPECT_EQ(line.find_first_of("\n\x1b"), std::string::npos) << line;
  }
}

TEST_F(LoadFiles, NoFileIsFine) {
  const auto config = load_config({});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->file, "");
}

TEST_F(LoadFiles, FlagThenVariableThenCurrentFolderThenHome) {
  write("home/.config/backplane/backplane.toml", "[kv]\npage_size = 1\n");
  LoadInputs inputs;
  auto variables = std::map<std::string, std::string>{{"HOME", (folder_ / "home").string()}};
  inputs.environment = environment(variables);
  EXPECT_EQ(load_config(inputs)->kv.page_size, 1);
  write("xdg/backplane/backplane.toml", "[kv]\npage_size = 2\n");
  variables["XDG_CONFIG_HOME"] = (folder_ / "xdg").string();
  inputs.environment = environment(variables);
  EXPECT_EQ(load_config(inputs)->kv.page_size, 2);
  write("backplane.toml", "[kv]\npage_size = 4\n");
  EXPECT_EQ(load_config(inputs)->kv.page_size, 4);
  write("named.toml", "[kv]\npage_size = 8\n");
  variables["BACKPLANE_CONFIG"] = "named.toml";
  inputs.environment = environment(variables);
  EXPECT_EQ(load_config(inputs)->kv.page_size, 8);
  write("flag.toml", "[kv]\npage_size = 32\n");
  inputs.file = "flag.toml";
  EXPECT_EQ(load_config(inputs)->kv.page_size, 32);
  EXPECT_EQ(load_config(inputs)->file, "flag.toml");
}

TEST_F(LoadFiles, ANamedFileThatIsMissingIsAProblemBesideTheOthers) {
  const auto config = load_config({.file = "missing.toml", .flags = {{"log.level", {"loud"}}}});
  ASSERT_FALSE(config);
  ASSERT_EQ(config.error().size(), 2u);
  EXPECT_EQ(config.error()[0].file, "missing.toml");
  const Error error = config_error(config.error());
  EXPECT_EQ(error.code, ErrorCode::kConfig);
  EXPECT_THAT(error.message(), HasSubstr("log.level = \"loud\""));
}

TEST_F(LoadFiles, AFolderOrAHugeFileIsRefused) {
  fs::create_directory(folder_ / "backplane.toml");
  EXPECT_FALSE(load_config({}));
  write("huge.toml", std::string((size_t{1} << 20) + 1, '\n'));
  EXPECT_FALSE(load_config({.file = "huge.toml"}));
}

}  // namespace
}  // namespace bp
