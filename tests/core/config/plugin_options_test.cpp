#include "config/plugin_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace bp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<PluginOptionTable> tables() {
  return {{"cpu",
           {plugin_option_spec({"threads", "int", "0", "0", "1024", "threads"}),
            plugin_option_spec({"pin", "bool", "true", "", "", "pin"}),
            plugin_option_spec({"isa", "auto|avx2|avx512", "auto", "", "", "isa"})}}};
}

std::vector<std::string> texts(const std::vector<ConfigProblem>& problems) {
  std::vector<std::string> lines;
  for (const ConfigProblem& problem : problems) lines.push_back(problem.text());
  return lines;
}

Config load(std::string_view text, LoadInputs inputs = {}) {
  auto config = load_config_text(text, "backplane.toml", inputs);
  EXPECT_TRUE(config);
  return config ? *std::move(config) : Config();
}

TEST(PluginOptions, AreKnownBeforeAndAfterTheCheck) {
  Config config = load("[plugin.cpu]\nthreads = 4\nisa = 'avx2'\n");
  EXPECT_EQ(plugin_option(config, "cpu", "threads"), "4");
  EXPECT_EQ(plugin_option(config, "cpu", "pin"), std::nullopt);
  const PluginCheck check = check_plugin_options(config, tables());
  EXPECT_THAT(texts(check.problems), IsEmpty());
  EXPECT_EQ(plugin_option(config, "cpu", "threads"), "4");
  EXPECT_EQ(plugin_option(config, "cpu", "isa"), "avx2");
  EXPECT_EQ(plugin_option(config, "cpu", "pin"), std::nullopt) << "a default is not handed back";
  ASSERT_EQ(config.plugin_settings.size(), 3u);
  EXPECT_EQ(config.plugin_settings[2].setting.key, "plugin.cpu.pin");
  EXPECT_EQ(config.plugin_settings[2].setting.value, "true");
  EXPECT_EQ(config.plugin_settings[2].setting.where, "default");
}

TEST(PluginOptions, WrongOnesAreAllReported) {
  Config config = load("[plugin.cpu]\nthread = 4\nthreads = 2000\npin = 'yes'\nisa = 'sse'\nsub.key = 1\n");
  EXPECT_THAT(
      texts(check_plugin_options(config, tables()).problems),
      ElementsAre(
          "backplane.toml:2:1: plugin.cpu.thread is no option of plugin \"cpu\"; did you mean plugin.cpu.threads?",
          "backplane.toml:3:1: plugin.cpu.threads = 2000 is out of range; write a whole number, 0 to 1024",
          "backplane.toml:4:1: plugin.cpu.pin = \"yes\" is a string, not a boolean; write true or false",
          "backplane.toml:5:1: plugin.cpu.isa = \"sse\" is not one of the choices; use one of auto, avx2, avx512",
          "backplane.toml:6:5: plugin.cpu.sub.key is no option of plugin \"cpu\"; its options are "
          "plugin.cpu.threads, plugin.cpu.pin, plugin.cpu.isa"));
}

TEST(PluginOptions, AnUnknownPluginIsAWarning) {
  Config config = load("[plugin.cuda]\nthreads = 4\n");
  const PluginCheck check = check_plugin_options(config, tables());
  EXPECT_THAT(check.problems, IsEmpty());
  EXPECT_THAT(
      texts(check.warnings),
      ElementsAre("backplane.toml:2:1: plugin.cuda.threads is not used: no plugin \"cuda\" with options was loaded; "
                  "loaded with options: cpu"));
}

TEST(PluginOptions, FlagsGoBeforeTheFileAndReadAsTheirType) {
  Config config =
      load("[plugin.cpu]\nthreads = 4\n", {.flags = {{"plugin.cpu.threads", {"8"}}, {"plugin.cpu.pin", {"false"}}}});
  EXPECT_THAT(texts(check_plugin_options(config, tables()).problems), IsEmpty());
  EXPECT_EQ(plugin_option(config, "cpu", "threads"), "8");
  EXPECT_EQ(plugin_option(config, "cpu", "pin"), "false");
}

TEST(PluginOptions, CheckingTwiceChangesNothing) {
  Config config = load("[plugin.cpu]\nthreads = 4\n");
  check_plugin_options(config, tables());
  const size_t n = config.plugin_settings.size();
  EXPECT_THAT(check_plugin_options(config, tables()).problems, IsEmpty());
  EXPECT_EQ(config.plugin_settings.size(), n);
}

}  // namespace
}  // namespace bp
