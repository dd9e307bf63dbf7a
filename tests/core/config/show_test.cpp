#include "config/show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace bp {
namespace {

using testing::HasSubstr;

TEST(Show, JsonHasTypedValuesAndWhereTheyCameFrom) {
  const auto config =
      load_config_text("[kv]\npage_size = 32\n[plugin.cpu]\nthreads = 4\nwhen = 2020-01-01\n", "b.toml", {});
  ASSERT_TRUE(config);
  const json::value shown = config_to_json(*config);
  EXPECT_EQ(shown.at("file"), json::value("b.toml"));
  bool seen = false;
  for (const json::value& setting : shown.at("settings").as_array()) {
    if (setting.at("key") != json::value("kv.page_size")) continue;
    seen = true;
    EXPECT_EQ(setting.at("value"), json::value(32));
    EXPECT_EQ(setting.at("source"), json::value("file"));
    EXPECT_EQ(setting.at("where"), json::value("b.toml:2:1"));
  }
  EXPECT_TRUE(seen);
}

TEST(Show, TextHasEveryKey) {
  const auto config = load_config_text("[kv]\npage_size = 32\n", "b.toml", {});
  ASSERT_TRUE(config);
  const std::string text = config_to_text(*config);
  EXPECT_THAT(text, HasSubstr("kv.page_size = 32"));
  EXPECT_THAT(text, HasSubstr("# b.toml:2:1\n"));
  EXPECT_THAT(text, HasSubstr("device.use = [\"auto\"]"));
}

TEST(Show, ProblemsAsJson) {
  const auto config = load_config_text("[kv]\npage_size = 24\n", "b.toml", {});
  ASSERT_FALSE(config);
  const json::value shown = problems_to_json(config.error());
  EXPECT_EQ(shown.at("problems").at(0).at("line"), json::value(2));
  EXPECT_EQ(shown.at("problems").at(0).at("key"), json::value("kv.page_size"));
}

}  // namespace
}  // namespace bp
