// docs/models.md against the sources it quotes and the architectures there are.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/arch/architecture.h"
#include "read_source.h"

namespace bp {
namespace {

// What the worked example adds to a file, line by line.
std::string added_to(const std::string& page, const std::string& file) {
  const std::string head = "+++ b/" + file + "\n";
  size_t at = page.find(head);
  EXPECT_NE(at, std::string::npos) << file;
  std::string lines;
  for (at += head.size(); at < page.size() && page[at] == '+'; at = page.find('\n', at) + 1) {
    lines += page.substr(at + 1, page.find('\n', at) - at);
  }
  return lines;
}

TEST(ModelsDocs, WorkedExampleIsTheRealDiff) {
  const std::string page = read_source("docs/models.md");
  EXPECT_EQ(added_to(page, "core/model/arch/qwen3.cpp"), read_source("core/model/arch/qwen3.cpp"));
  for (const char* file : {"core/model/arch/all.h", "core/model/CMakeLists.txt"}) {
    EXPECT_THAT(read_source(file), testing::HasSubstr(added_to(page, file))) << file;
  }
  EXPECT_THAT(read_source("core/model/arch/architecture.cpp"), testing::HasSubstr("&kQwen3,"));
}

TEST(ModelsDocs, TableHasEveryArchitecture) {
  const std::string page = read_source("docs/models.md");
  const auto hf = find_hf_architecture("none", "test");
  const auto gguf = find_gguf_architecture("none", "test");
  ASSERT_FALSE(hf || gguf);
  for (const std::string& list : {hf.error().fix, gguf.error().fix}) {
    size_t at = std::string_view("supported are ").size();
    while (at < list.size()) {
      const size_t end = std::min(list.find(", ", at), list.size());
      EXPECT_THAT(page, testing::HasSubstr(fmt::format("`{}`", list.substr(at, end - at))));
      at = end + 2;
    }
  }
}

}  // namespace
}  // namespace bp
