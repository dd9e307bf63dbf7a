// docs/library.md against the examples it shows and the functions there are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

#include "read_source.h"

namespace bp {
namespace {

TEST(LibraryDocs, ShowsEveryExampleAsItIs) {
  const std::string page = read_source("docs/library.md");
  int n_examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(BP_SOURCE_DIR "/docs/examples/cpp")) {
    if (entry.path().extension() != ".cpp") continue;
    ++n_examples;
    const std::string name = entry.path().filename();
    EXPECT_THAT(page, testing::HasSubstr("```cpp\n" + read_source("docs/examples/cpp/" + name) + "```\n")) << name;
  }
  EXPECT_GE(n_examples, 4);
}

TEST(LibraryDocs, NamesEveryFunctionOfAnOp) {
  const std::string page = read_source("docs/library.md");
  const size_t ops = page.find("## Ops");
  ASSERT_NE(ops, std::string::npos);
  const std::string header = read_source("core/api/include/backplane/api/ops.h");
  const std::regex function(R"((?:^|\n)(?:Tensor|std::pair<Tensor, Tensor>) (\w+)\()");
  int n_functions = 0;
  for (std::sregex_iterator it(header.begin(), header.end(), function), end; it != end; ++it, ++n_functions) {
    const std::regex word("[\\s`]" + (*it)[1].str() + "[\\s`,]");
    EXPECT_TRUE(std::regex_search(page.begin() + static_cast<ptrdiff_t>(ops), page.end(), word)) << (*it)[1];
  }
  EXPECT_GT(n_functions, 30);
}

}  // namespace
}  // namespace bp
