#include "config/nearest.h"

#include <gtest/gtest.h>

#include <vector>

namespace bp {
namespace {

TEST(Nearest, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", "abc"), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("page_size", "pagesize"), 1u);
  EXPECT_EQ(edit_distance("page_size", "page_sise"), 1u);
  EXPECT_EQ(edit_distance("page_size", "paeg_size"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Nearest, NamesTheKeyThatWasMeant) {
  const std::vector<std::string> keys = {"kv.page_size", "kv.dtype", "engine.max_seqs"};
  EXPECT_EQ(nearest_key("kv.pagesize", keys), "kv.page_size");
  EXPECT_EQ(nearest_key("engine.page_size", keys), "kv.page_size");
  EXPECT_EQ(nearest_key("max_seqs", keys), "engine.max_seqs");
  EXPECT_EQ(nearest_key("server.something_else", keys), std::nullopt);
  EXPECT_EQ(nearest_key(std::string(100'000, 'k'), keys), std::nullopt);
}

}  // namespace
}  // namespace bp
