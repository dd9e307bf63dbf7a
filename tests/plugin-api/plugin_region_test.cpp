#include <gtest/gtest.h>
#include <backplane/plugin_region.hpp>

#include <string>
#include <vector>

namespace bp::plugin {
namespace {

TEST(BlockSize, CountsBytesOfRows) {
  EXPECT_EQ(bytes_of(BP_DT_F32, 3), 12);
  EXPECT_EQ(bytes_of(BP_DT_U4, 3), 2) << "the last byte is whole";
  EXPECT_EQ(bytes_of(BP_DT_Q8_0, 64), 68);
  EXPECT_EQ(bytes_of(BP_DT_Q6_K, 512), 420);
  EXPECT_EQ(bytes_of(9999, 64), 0);
  EXPECT_EQ(element_bytes(BP_DT_I64), 8);
  EXPECT_EQ(element_bytes(BP_DT_U4), 0);
  EXPECT_EQ(element_bytes(BP_DT_Q4_0), 0);
  EXPECT_TRUE(is_plain_float(BP_DT_BF16));
  EXPECT_FALSE(is_plain_float(BP_DT_F64));
}

// Values with shapes, symbols and one node with attributes, larger than this header's as a newer host has them.
struct NewerValue {
  bp_value value;
  int64_t added;
};
class RegionViewTest : public testing::Test {
 protected:
  RegionViewTest() {
    attrs_[0] = {"k", BP_ATTR_INT, 2, ints_, nullptr, nullptr, nullptr};
    attrs_[1] = {"eps", BP_ATTR_FLOAT, 1, nullptr, &eps_, nullptr, nullptr};
    node_.struct_size = sizeof node_;
    node_.n_in = 2;
    node_.in = in_;
    node_.n_attr = 2;
    node_.attr_stride = sizeof(bp_attr);
    node_.attr = attrs_;
    region_.struct_size = sizeof region_;
    region_.node_stride = sizeof node_;
    region_.n_node = 1;
    region_.node = &node_;
    region_.value_stride = sizeof(NewerValue);
    region_.sym_stride = sizeof(bp_sym);
  }

  void add_value(std::vector<int64_t> dims, std::vector<uint16_t> syms) {
    NewerValue made{};
    made.value.struct_size = sizeof made;
    made.value.dtype = BP_DT_F16;
    made.value.rank = static_cast<uint32_t>(dims.size());
    for (size_t i = 0; i < dims.size(); ++i) made.value.dim[i] = dims[i];
    for (size_t i = 0; i < syms.size(); ++i) made.value.dim_sym[i] = syms[i];
    values_.push_back(made);
  }

  void add_sym(int32_t len_value, int32_t base, int64_t mul = 0, int64_t add = 0) {
    bp_sym made{};
    made.struct_size = sizeof made;
    made.len_value = len_value;
    made.base = base;
    made.mul = mul;
    made.add = add;
    syms_.push_back(made);
  }

  const bp_region& region() {
    region_.n_value = static_cast<uint32_t>(values_.size());
    region_.value = &values_[0].value;
    region_.n_sym = static_cast<uint32_t>(syms_.size());
    region_.sym = syms_.data();
    region_.n_arg = static_cast<uint32_t>(args_.size());
    region_.arg = args_.data();
    return region_;
  }

  int64_t ints_[2] = {3, 4};
  double eps_ = 0.5;
  uint32_t in_[2] = {1, BP_ABSENT};
  bp_attr attrs_[2];
  bp_node node_{};
  bp_region region_{};
  std::vector<NewerValue> values_;
  std::vector<bp_sym> syms_;
  std::vector<uint32_t> args_;
};

TEST_F(RegionViewTest, ATensorOutlivesItsRegion) {
  add_value({8, 4, 64}, {2, 0, 0});
  args_ = {0, BP_ABSENT};
  const Tensor x = RegionView(region()).slot(0);
  values_.clear();
  const int64_t dyn[] = {0, 5};
  EXPECT_TRUE(x.present);
  EXPECT_EQ(x.dtype, BP_DT_F16);
  EXPECT_EQ(x.size(0, dyn), 5);
  EXPECT_EQ(x.elements(dyn), 5 * 4 * 64);
  EXPECT_EQ(x.elements(), 8 * 4 * 64);
  EXPECT_EQ(x.rows(dyn), 20);
  EXPECT_EQ(x.rows(), 32);
  EXPECT_EQ(x.columns(), 64);
  EXPECT_EQ(x.n_dynamic(0, 3), 1);
  EXPECT_FALSE(x.is_static());
  EXPECT_TRUE(x.is_static_from(1));
}

TEST_F(RegionViewTest, WhatIsNotThereIsNotPresent) {
  add_value({8}, {1});
  args_ = {0, BP_ABSENT};
  const RegionView view(region());
  EXPECT_FALSE(view.slot(1).present);
  EXPECT_FALSE(view.slot(2).present) << "past the end";
  EXPECT_FALSE(view.operand(0, 0).present) << "its number is no value's";
  EXPECT_FALSE(view.operand(0, 1).present) << "absent";
  EXPECT_FALSE(view.operand(0, 2).present);
  EXPECT_FALSE(view.operand(1, 0).present) << "no such node";
  EXPECT_EQ(view.slot(0).columns(), -1) << "dynamic";
  EXPECT_EQ(Tensor().columns(), 1);
  add_value({3}, {});
  EXPECT_EQ(RegionView(region()).operand(0, 0).columns(), 3);
}

TEST_F(RegionViewTest, AttributesHaveDefaults) {
  add_value({}, {});
  const RegionView view(region());
  EXPECT_EQ(view.attr_int("k", 7), 3);
  EXPECT_EQ(view.attr_int("window", 7), 7);
  EXPECT_EQ(view.attr_int("k", 7, 1), 7) << "of a node that is not there";
  EXPECT_EQ(view.attr_float("eps", 0), 0.5f);
  uint32_t n = 0;
  ASSERT_NE(view.attr_ints("k", &n), nullptr);
  EXPECT_EQ(n, 2u);
  EXPECT_EQ(view.attr_ints("eps", &n), nullptr);
}

TEST_F(RegionViewTest, ShapesAreTheSameWhereTheirSymbolsAre) {
  add_value({8, 4}, {1, 0});
  add_value({8, 4}, {1, 0});
  add_value({8, 4}, {2, 0});
  add_value({8}, {1});
  args_ = {0, 1, 2, 3};
  const RegionView view(region());
  EXPECT_TRUE(same_shape(view.slot(0), view.slot(1)));
  EXPECT_FALSE(same_shape(view.slot(0), view.slot(2)));
  EXPECT_FALSE(same_shape(view.slot(0), view.slot(3)));
}

// t (in memory), u = 2 t + 1, v = 3 u + 4, and one that only the host knows.
TEST_F(RegionViewTest, SymbolsLeadToTheSlotWithTheTrueSize) {
  for (int i = 0; i < 3; ++i) add_value({8}, {1});
  add_sym(2, -1);
  add_sym(-1, 0, 2, 1);
  add_sym(-1, 1, 3, 4);
  add_sym(-1, -1);
  args_ = {0, 1, 2};
  Symbols symbols;
  ASSERT_EQ(read_symbols(region(), &symbols), nullptr);
  EXPECT_EQ(symbols.n, 4u);
  EXPECT_EQ(symbols.symbol[0].len_slot, 2);
  EXPECT_EQ(symbols.symbol[0].mul, 1);
  EXPECT_EQ(symbols.symbol[2].len_slot, 2);
  EXPECT_EQ(symbols.symbol[2].mul, 6);
  EXPECT_EQ(symbols.symbol[2].add, 7) << "3 (2 t + 1) + 4";
  EXPECT_EQ(symbols.symbol[3].len_slot, -1);
}

TEST_F(RegionViewTest, SymbolsThatLeadNowhereAreRefused) {
  add_value({8}, {1});
  args_ = {0};
  Symbols symbols;
  add_sym(-1, 1, 1);
  add_sym(-1, 0, 1);
  EXPECT_STREQ(read_symbols(region(), &symbols), "a size without a base") << "a circle";
  syms_.clear();
  add_sym(-1, 5, 1);
  EXPECT_STREQ(read_symbols(region(), &symbols), "a size without a base");
  syms_.clear();
  add_sym(3, -1);
  EXPECT_STREQ(read_symbols(region(), &symbols), "a size in memory without a slot");
  syms_.clear();
  for (uint32_t i = 0; i <= Symbols::kMost; ++i) add_sym(-1, -1);
  EXPECT_NE(read_symbols(region(), &symbols), nullptr);
}

}  // namespace
}  // namespace bp::plugin
