#include "model/tensor_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "gguf_writer.h"
#include "temp_folder.h"

namespace bp {
namespace {

using testing::ElementsAre;

class TensorLayout : public testing::Test {
 protected:
  void open(const test::GgufWriter& writer) {
    auto file = GgufFile::open(folder_.write("m.gguf", writer.bytes()));
    ASSERT_TRUE(file) << file.error().message();
    auto weights = Weights::from_gguf(std::move(*file));
    ASSERT_TRUE(weights) << weights.error().message();
    weights_.emplace(std::move(*weights));
  }

  std::vector<float> values(std::string_view name) const {
    const WeightView* view = weights_->find(name);
    std::vector<float> out(view->bytes.size() / sizeof(float));
    std::memcpy(out.data(), view->bytes.data(), view->bytes.size());
    return out;
  }

  test::TempFolder folder_;
  std::optional<Weights> weights_;
};

TEST_F(TensorLayout, TransposesPlainMatrices) {
  test::GgufWriter writer;
  writer.tensor("a", {2, 3}, {1, 2, 3, 4, 5, 6});
  std::vector<float> large(65 * 34);
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<float>(i);
  writer.tensor("large", {65, 34}, large);
  writer.tensor("blocks", {1, 32}, std::vector<float>(32, 1.0f), DType::kQ8_0);
  writer.tensor("row", {3}, {1, 2, 3});
  open(writer);
  ASSERT_TRUE(transpose_matrix(*weights_, "a"));
  EXPECT_EQ(weights_->find("a")->dims, (std::vector<int64_t>{3, 2}));
  EXPECT_THAT(values("a"), ElementsAre(1, 4, 2, 5, 3, 6));
  ASSERT_TRUE(transpose_matrix(*weights_, "large"));
  const std::vector<float> turned = values("large");
  for (size_t r = 0; r < 65; ++r) {
    for (size_t c = 0; c < 34; ++c) ASSERT_EQ(turned[c * 65 + r], large[r * 34 + c]);
  }
  EXPECT_FALSE(transpose_matrix(*weights_, "blocks"));
  EXPECT_TRUE(transpose_matrix(*weights_, "row"));  // left alone
  EXPECT_EQ(weights_->find("row")->dims, (std::vector<int64_t>{3}));
  EXPECT_TRUE(transpose_matrix(*weights_, "none"));
}

TEST_F(TensorLayout, ReordersPartsOfRows) {
  test::GgufWriter writer;
  writer.tensor("a", {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  writer.tensor("bias", {4}, {1, 2, 3, 4});
  open(writer);
  const std::vector<int64_t> order = {1, 0};
  ASSERT_TRUE(reorder_rows(*weights_, "a", order, 2));
  EXPECT_THAT(values("a"), ElementsAre(5, 6, 7, 8, 1, 2, 3, 4));
  ASSERT_TRUE(reorder_rows(*weights_, "bias", order, 2));
  EXPECT_THAT(values("bias"), ElementsAre(3, 4, 1, 2));
  ASSERT_TRUE(reorder_rows(*weights_, "bias", order, 3));  // another shape: left alone
  EXPECT_THAT(values("bias"), ElementsAre(3, 4, 1, 2));
  EXPECT_TRUE(reorder_rows(*weights_, "none", order, 2));
}

TEST_F(TensorLayout, ScalesGoWithTheirRows) {
  test::GgufWriter writer;
  writer.tensor("a.scales", {4, 1}, {1, 2, 3, 4});
  open(writer);
  WeightView scales = *weights_->take("a.scales");
  scales.block = {1, 32};
  weights_->add(scales);
  ASSERT_TRUE(reorder_rows(*weights_, "a.scales", std::array<int64_t, 2>{1, 0}, 2));
  EXPECT_THAT(values("a.scales"), ElementsAre(3, 4, 1, 2));
  EXPECT_THAT(weights_->find("a.scales")->block, ElementsAre(1, 32));
  scales.block = {2, 32};
  weights_->add(scales);
  const Status shared = reorder_rows(*weights_, "a.scales", std::array<int64_t, 2>{1, 0}, 4);
  ASSERT_FALSE(shared);
  EXPECT_THAT(shared.error().message(), testing::HasSubstr("blocks of 2 rows, which are reordered"));
}

}  // namespace
}  // namespace bp
