// The seeds of the fuzz target "importance": which are read, and why the others are not.
#include "model/importance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<ImportanceMatrix> read(const std::string& seed) {
  return read_importance(BP_SOURCE_DIR "/tests/fuzz/corpus/importance/" + seed);
}

TEST(ImportanceFile, GivesTheMeanSquaresOfEachMatrix) {
  const auto matrix = read("two_weights");
  ASSERT_TRUE(matrix) << matrix.error().message();
  EXPECT_EQ(matrix->dataset, "text.txt");
  EXPECT_EQ(matrix->n_chunks, 2);
  EXPECT_THAT(matrix->weights.at("blk.0.attn_q.weight").means(0), ElementsAre(0.125f, 0.25f, 0.375f, 0.5f));
  const Importance& experts = matrix->weights.at("blk.0.ffn_up_exps.weight");
  EXPECT_EQ(experts.n_matrices, 2);
  EXPECT_THAT(experts.means(1), ElementsAre(0, 0, 0, 0)) << "nothing was counted";
}

TEST(ImportanceFile, NonsenseIsRefusedByName) {
  for (const auto& [seed, why] : {std::pair("model", "is no importance matrix"), std::pair("infinite", "holds inf"),
                                  std::pair("negative_count", "counts -1 rows of output.weight"),
                                  std::pair("too_few_counts", "has 1 counts for 2 matrices")}) {
    const auto matrix = read(seed);
    ASSERT_FALSE(matrix) << seed;
    EXPECT_EQ(matrix.error().code, ErrorCode::kRefused);
    EXPECT_THAT(matrix.error().message(), HasSubstr(why));
  }
}

}  // namespace
}  // namespace bp
