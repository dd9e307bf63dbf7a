#include <gtest/gtest.h>

#include "base/mapped_file.h"
#include "config/load.h"
#include "config/show.h"

namespace bp {
namespace {

TEST(ConfigDocs, PageIsWhatTheTableOfOptionsSays) {
  const auto page = read_text_file(BP_SOURCE_DIR "/docs/config.md", 1 << 20);
  ASSERT_TRUE(page) << page.error().message();
  EXPECT_EQ(*page, config_docs()) << "docs/config.md is stale: backplane config docs > docs/config.md";
}

TEST(ConfigDocs, ExampleOfThePageLoadsAndChangesNothing) {
  const std::string page = config_docs();
  const size_t heading = page.find("## Example");
  ASSERT_NE(heading, std::string::npos);
  const size_t begin = page.find("```toml\n", heading) + 8;
  const std::string example = page.substr(begin, page.find("```", begin) - begin);
  const auto loaded = load_config_text(example, "example.toml", {});
  ASSERT_TRUE(loaded) << loaded.error().front().text();
  const auto defaults = load_config_text("", "empty.toml", {});
  ASSERT_EQ(loaded->settings.size(), defaults->settings.size());
  for (size_t i = 0; i < loaded->settings.size(); ++i) {
    EXPECT_EQ(loaded->settings[i].value, defaults->settings[i].value) << loaded->settings[i].key;
    EXPECT_EQ(loaded->settings[i].source, SettingSource::kFile) << loaded->settings[i].key;
  }
}

}  // namespace
}  // namespace bp
