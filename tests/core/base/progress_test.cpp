#include "base/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace bp {
namespace {

using testing::HasSubstr;

TEST(Progress, WithoutATerminalALineForEachTenthAtMost) {
  std::string text;
  Progress progress({.write = [&](std::string_view piece) { text += piece; }}, "file", 1'000'000);
  for (uint64_t done = 0; done <= 1'000'000; done += 1000) progress.update(done);
  progress.finish();
  EXPECT_EQ(std::ranges::count(text, '\n'), 11);
  EXPECT_THAT(text, HasSubstr("file: 50 % of 1.0 MB\n"));
  EXPECT_EQ(text.find_first_of("\r\x1b"), std::string::npos);
}

TEST(Progress, OnATerminalABarThatEndsItsLine) {
  std::string text;
  {
    Progress progress({.terminal = true, .write = [&](std::string_view piece) { text += piece; }}, "file", 100);
    progress.update(10);
  }
  EXPECT_TRUE(text.starts_with('\r'));
  EXPECT_TRUE(text.ends_with('\n'));
  EXPECT_EQ(text.find("\x1b[36m"), std::string::npos) << "colour only where asked for";
}

TEST(Progress, NothingIsWrittenWhereItIsNotShown) {
  std::string text;
  {
    Progress progress({.shown = false, .terminal = true, .write = [&](std::string_view piece) { text += piece; }},
                      "file", 100);
    progress.update(10);
    progress.finish();
  }
  EXPECT_EQ(text, "");
}

TEST(Progress, AnUnknownOrWrongTotalDoesNoHarm) {
  std::string text;
  for (const bool terminal : {false, true}) {
    Progress unknown({.terminal = terminal, .write = [&](std::string_view piece) { text += piece; }}, "file", 0);
    unknown.update(5);
    unknown.finish();
    Progress wrong({.terminal = terminal, .write = [&](std::string_view piece) { text += piece; }}, "file", 10);
    wrong.update(5);
    wrong.update(3);
    wrong.update(500);
    wrong.finish();
  }
  EXPECT_THAT(text, HasSubstr("file"));
}

}  // namespace
}  // namespace bp
