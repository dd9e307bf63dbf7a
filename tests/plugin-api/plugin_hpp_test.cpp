#include <gtest/gtest.h>
#include <backplane/plugin.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace bp::plugin {
namespace {

bp_err new_err() {
  bp_err err{};
  err.struct_size = sizeof err;
  return err;
}

TEST(Guard, MakesExceptionsIntoStatuses) {
  bp_err err = new_err();
  EXPECT_EQ(guard(&err, [] { return bp_status{BP_E_BUSY}; }), BP_E_BUSY);
  EXPECT_EQ(guard(&err, [] {}), BP_OK);
  EXPECT_EQ(guard(&err, []() -> bp_status { throw std::runtime_error("ops: no such tile"); }), BP_E_INTERNAL);
  EXPECT_EQ(err.code, BP_E_INTERNAL);
  EXPECT_STREQ(err.msg, "ops: no such tile");
  EXPECT_EQ(guard(&err, [] { throw std::bad_alloc(); }), BP_E_NOMEM);
  EXPECT_EQ(guard(nullptr, [] { throw 7; }), BP_E_INTERNAL);
}

TEST(SetError, FormatsAndCuts) {
  bp_err err = new_err();
  err.launch_tag = 9;
  EXPECT_EQ(set_error(&err, BP_E_INVALID, "K is %d", 31), BP_E_INVALID);
  EXPECT_STREQ(err.msg, "K is 31");
  EXPECT_EQ(err.launch_tag, 0u);
  set_error(&err, BP_E_INVALID, "%s", std::string(1000, 'x').c_str());
  EXPECT_EQ(std::strlen(err.msg), sizeof err.msg - 1);
}

TEST(SetFault, NamesTheCulprit) {
  bp_err err = new_err();
  EXPECT_EQ(set_fault(&err, BP_E_DEVICE_LOST, {BP_SCOPE_PROCESS, 700, 101}, "illegal address"), BP_E_DEVICE_LOST);
  EXPECT_EQ(err.scope, uint32_t{BP_SCOPE_PROCESS});
  EXPECT_EQ(err.native, 700);
  EXPECT_EQ(err.launch_tag, 101u);
}

TEST(Fill, WritesWhatTheCallerHasRoomFor) {
  bp_heap value{};
  value.flags = BP_HEAP_DEVICE;
  value.free_now = 5;
  bp_heap older{};
  older.free_now = 99;
  older.struct_size = offsetof(bp_heap, free_now);
  fill(&older, value);
  EXPECT_EQ(older.struct_size, offsetof(bp_heap, free_now));
  EXPECT_EQ(older.flags, uint32_t{BP_HEAP_DEVICE});
  EXPECT_EQ(older.free_now, 99u);
  bp_heap newer{};
  newer.struct_size = sizeof newer + 8;
  fill(&newer, value);
  EXPECT_EQ(newer.struct_size, sizeof newer);
  EXPECT_EQ(newer.free_now, 5u);
}

TEST(AddWorkspace, CountsWhatDoesNotFit) {
  bp_ws_need needs[1] = {};
  needs[0].struct_size = sizeof needs[0];
  bp_plan_info info{};
  info.ws = needs;
  info.ws_cap = 1;
  info.ws_stride = sizeof(bp_ws_need);
  EXPECT_TRUE(add_workspace(&info, BP_WS_KEEP_ZEROED, 64, 16));
  EXPECT_FALSE(add_workspace(&info, BP_WS_SCRATCH, 128, 16));
  EXPECT_EQ(info.n_ws, 2u);
  EXPECT_EQ(needs[0].bytes, 64u);
  EXPECT_EQ(needs[0].kind, uint32_t{BP_WS_KEEP_ZEROED});
}

TEST(SetText, EndsWhatItCuts) {
  char field[4];
  set_text(field, "cuda");
  EXPECT_STREQ(field, "cud");
}

// (matmul ?x ?w) over x [n_tokens, 64], with a value and a node larger than this header's, as a newer host has them.
struct NewerValue {
  bp_value value;
  int64_t added;
};
struct RegionTest : testing::Test {
  RegionTest() {
    values.resize(4);
    for (NewerValue& v : values) v.value.struct_size = sizeof v;
    values[0].value.rank = 2;
    values[0].value.dim[0] = 8;
    values[0].value.dim[1] = 64;
    values[0].value.dim_sym[0] = 1;
    sym.struct_size = sizeof sym;
    sym.len_value = 3;
    sym.max = 8;
    attrs[0] = {"eps", BP_ATTR_FLOAT, 1, nullptr, &eps, nullptr, nullptr};
    attrs[1] = {"mode", BP_ATTR_INT, 1, &mode, nullptr, nullptr, nullptr};
    attrs[2] = {"comm", BP_ATTR_HANDLE, 1, nullptr, nullptr, nullptr, this};
    attrs[3] = {"name", BP_ATTR_STRING, 1, nullptr, nullptr, "tp", nullptr};
    node.struct_size = sizeof node;
    node.n_attr = 4;
    node.attr_stride = sizeof(bp_attr);
    node.attr = attrs;
    region.struct_size = sizeof region;
    region.n_value = 4;
    region.value_stride = sizeof(NewerValue);
    region.value = &values[0].value;
    region.n_node = 1;
    region.node_stride = sizeof node;
    region.node = &node;
    region.n_sym = 1;
    region.sym_stride = sizeof sym;
    region.sym = &sym;
    region.n_arg = 4;
    region.arg = args;
  }
  double eps = 1e-5;
  int64_t mode = 1;
  std::vector<NewerValue> values;
  bp_sym sym{};
  bp_attr attrs[4];
  bp_node node{};
  uint32_t args[4] = {0, BP_ABSENT, 2, 3};
  bp_region region{};
};

TEST_F(RegionTest, SlotsStepByTheHostsStride) {
  EXPECT_EQ(slot_at(region, 2), &values[2].value);
  EXPECT_EQ(slot_at(region, 1), nullptr);
  EXPECT_EQ(slot_at(region, 4), nullptr);
  EXPECT_EQ(slot_of(region, sym_of(region, *slot_at(region, 0), 0)->len_value), 3u);
  EXPECT_EQ(slot_of(region, 1), BP_ABSENT);
}

TEST_F(RegionTest, ExtentsComeFromTheLaunchWhereDynamic) {
  const int64_t dyn[] = {5};
  EXPECT_EQ(extent(*slot_at(region, 0), 0, dyn), 5);
  EXPECT_EQ(extent(*slot_at(region, 0), 1, dyn), 64);
  EXPECT_EQ(dim_from_end(*slot_at(region, 0), 1), 64);
  EXPECT_EQ(dim_from_end(*slot_at(region, 0), 3), -1);
  EXPECT_EQ(sym_of(region, *slot_at(region, 0), 1), nullptr);
}

TEST_F(RegionTest, AttributesHaveDefaults) {
  EXPECT_EQ(attr_float(node_at(region, 0), "eps", 0), 1e-5);
  EXPECT_EQ(attr_float(node, "mode", 0), 1.0);
  EXPECT_EQ(attr_int(node, "mode", 7), 1);
  EXPECT_EQ(attr_int(node, "eps", 7), 7);
  EXPECT_EQ(attr_int(node, "window", 7), 7);
  EXPECT_EQ(attr_string(node, "name", ""), "tp");
  EXPECT_EQ(attr_handle(node, "comm"), this);
}

}  // namespace
}  // namespace bp::plugin
