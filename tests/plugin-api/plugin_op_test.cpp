#include <gtest/gtest.h>
#include <backplane/plugin_op.hpp>

#include <stdexcept>
#include <vector>

struct bp_mem {
  std::byte bytes[256];
};
struct bp_device {
  bool throws = false;
};

namespace bp::plugin {
namespace {

// y[i] = x[i] + its tunable, + 1 for each byte of scratch that is 1.
class AddOp final : public AddressedOp {
 public:
  void configure(const int64_t* config) override { added_ = config != nullptr ? config[0] : 1; }
  const char* accept(const RegionView& region, const bp_device& device, const void* user) override {
    ws_ = *static_cast<const uint64_t*>(user);
    throws_ = device.throws;
    if (throws_ && region.n_slots() == 3) throw std::bad_alloc();
    return region.n_slots() < 2 ? "not 100% of the slots" : nullptr;
  }
  uint64_t ws_bytes() const override { return ws_; }
  uint64_t internal_bytes() const override { return 5; }
  bp_status make_ready(bp_device&, const bp_region&, bp_err* err) override {
    return throws_ ? set_error(err, BP_E_NOMEM, "no room") : bp_status{BP_OK};
  }
  bp_status launch(const Addresses& at, const bp_launch& launch, bp_err*) const override {
    if (launch.tag == 13) throw std::runtime_error("it is the 13th");
    const int64_t scratch = at.ws == nullptr ? 0 : std::to_integer<int64_t>(at.ws[0]);
    *at.arg<int64_t>(1) = (at.args[0] == nullptr ? 0 : *at.arg<const int64_t>(0)) + added_ + scratch;
    return BP_OK;
  }

 protected:
  std::byte* address(const bp_span& span) const override {
    return span.mem == nullptr ? nullptr : span.mem->bytes + span.off;
  }

 private:
  int64_t added_ = 0;
  uint64_t ws_ = 0;
  bool throws_ = false;
};

constexpr int64_t kValues[] = {1, 10};
constexpr bp_tunable kTunables[] = {{"added", 2, 0, kValues}};
constexpr uint64_t kNone = 0, kSixteen = 16;
constexpr bp_kernel kPlain = op_row<AddOp>({"t.add", "add", "dtype(x)=i64", "out=x", &kNone});
constexpr bp_kernel kScratch =
    op_row<AddOp>({"t.add_scratch", "add", "", "", &kSixteen, 3, "", "t/1", BP_K_EXPERIMENTAL, kTunables, 1});

class OpTest : public testing::Test {
 protected:
  OpTest() {
    err_.struct_size = sizeof err_;
    region_.struct_size = sizeof region_;
    region_.n_arg = 2;
    need_.struct_size = sizeof need_;
    info_.struct_size = sizeof info_;
    info_.ws = &need_;
    info_.ws_cap = 1;
    info_.ws_stride = sizeof need_;
    spans_[0] = {&memory_, nullptr, 64, 8};
    spans_[1] = {&memory_, nullptr, 128, 8};
    add_op_functions(table_);
  }

  bp_plan* plan(const bp_kernel& kernel, const int64_t* config = nullptr) {
    bp_plan* made = nullptr;
    EXPECT_EQ(kernel.plan(&kernel, &device_, &region_, config, &made, &info_, &err_), BP_OK) << err_.msg;
    return made;
  }
  int64_t& at(uint64_t offset) { return *reinterpret_cast<int64_t*>(memory_.bytes + offset); }
  bp_status launch(bp_bound* bound, uint64_t tag = 1) {
    bp_launch launch{};
    launch.struct_size = sizeof launch;
    launch.tag = tag;
    return table_.launch(bound, &launch, &err_);
  }

  alignas(64) bp_mem memory_{};
  bp_device device_;
  bp_region region_{};
  bp_ws_need need_{};
  bp_plan_info info_{};
  bp_err err_{};
  bp_span spans_[2];
  bp_device_api table_{};
};

TEST_F(OpTest, ARowSaysWhatItsTextSays) {
  EXPECT_EQ(kPlain.struct_size, sizeof(bp_kernel));
  EXPECT_STREQ(kPlain.pattern, "add");
  EXPECT_STREQ(kPlain.alias, "out=x");
  EXPECT_EQ(kPlain.numerics, nullptr);
  EXPECT_EQ(kPlain.n_tunable, 0u);
  EXPECT_EQ(kScratch.priority, 3);
  EXPECT_EQ(kScratch.flags, uint32_t{BP_K_EXPERIMENTAL});
  EXPECT_EQ(kScratch.tunable, kTunables);
  EXPECT_EQ(kScratch.tunable_stride, sizeof(bp_tunable));
}

TEST_F(OpTest, RunsOnWhatItIsBoundTo) {
  bp_plan* planned = plan(kPlain);
  ASSERT_NE(planned, nullptr);
  EXPECT_EQ(info_.n_ws, 0u);
  EXPECT_EQ(info_.internal_bytes, 5u);
  bp_bound* bound = nullptr;
  ASSERT_EQ(table_.plan_bind(planned, spans_, 2, nullptr, 0, &bound, &err_), BP_OK) << err_.msg;
  at(64) = 40;
  EXPECT_EQ(launch(bound), BP_OK);
  EXPECT_EQ(at(128), 41) << "the default of the tunable";
  table_.bound_destroy(bound);
  spans_[0] = {};
  ASSERT_EQ(table_.plan_bind(planned, spans_, 2, nullptr, 0, &bound, &err_), BP_OK) << err_.msg;
  EXPECT_EQ(launch(bound), BP_OK);
  EXPECT_EQ(at(128), 1) << "an absent argument is null";
  table_.bound_destroy(bound);
  table_.plan_destroy(planned);
  table_.bound_destroy(nullptr);
  table_.plan_destroy(nullptr);
}

TEST_F(OpTest, AsksForItsWorkspace) {
  EXPECT_EQ(kScratch.query(&kScratch, &device_, &region_, nullptr, &info_, &err_), BP_OK);
  EXPECT_EQ(info_.n_ws, 1u);
  bp_plan* planned = plan(kScratch, &kValues[1]);
  EXPECT_EQ(info_.n_ws, 1u);
  EXPECT_EQ(need_.bytes, 16u);
  EXPECT_EQ(need_.kind, uint32_t{BP_WS_SCRATCH});
  EXPECT_EQ(need_.align, uint64_t{BP_ARG_ALIGN});
  bp_bound* bound = nullptr;
  bp_span ws{&memory_, nullptr, 0, 15};
  EXPECT_EQ(table_.plan_bind(planned, spans_, 2, nullptr, 0, &bound, &err_), BP_E_INVALID);
  EXPECT_EQ(table_.plan_bind(planned, spans_, 2, &ws, 1, &bound, &err_), BP_E_INVALID);
  EXPECT_STREQ(err_.msg, "plan_bind: the workspace is smaller than the plan asked for");
  ws.bytes = 16;
  ASSERT_EQ(table_.plan_bind(planned, spans_, 2, &ws, 1, &bound, &err_), BP_OK);
  memory_.bytes[0] = std::byte{3};
  EXPECT_EQ(launch(bound), BP_OK);
  EXPECT_EQ(at(128), 13) << "0 + 10 + 3";
  table_.bound_destroy(bound);
  table_.plan_destroy(planned);
}

TEST_F(OpTest, ARefusalIsUnsupportedInItsOwnWords) {
  region_.n_arg = 1;
  EXPECT_EQ(kPlain.query(&kPlain, &device_, &region_, nullptr, &info_, &err_), BP_E_UNSUPPORTED);
  EXPECT_STREQ(err_.msg, "not 100% of the slots");
}

TEST_F(OpTest, NothingThrownCrossesTheBorder) {
  device_.throws = true;
  bp_plan* planned = nullptr;
  EXPECT_EQ(kPlain.plan(&kPlain, &device_, &region_, nullptr, &planned, &info_, &err_), BP_E_NOMEM);
  EXPECT_STREQ(err_.msg, "no room");
  region_.n_arg = 3;
  EXPECT_EQ(kPlain.query(&kPlain, &device_, &region_, nullptr, &info_, &err_), BP_E_NOMEM);
  EXPECT_EQ(planned, nullptr);
  device_.throws = false;
  planned = plan(kPlain);
  bp_bound* bound = nullptr;
  ASSERT_EQ(table_.plan_bind(planned, spans_, 2, nullptr, 0, &bound, &err_), BP_OK);
  EXPECT_EQ(launch(bound, 13), BP_E_INTERNAL);
  EXPECT_STREQ(err_.msg, "it is the 13th");
  table_.bound_destroy(bound);
  table_.plan_destroy(planned);
}

TEST_F(OpTest, MemoryOutOfReachIsRefused) {
  bp_plan* planned = plan(kPlain);
  int64_t here = 0;
  spans_[1] = {nullptr, &here, 0, 8};
  bp_bound* bound = nullptr;
  EXPECT_EQ(table_.plan_bind(planned, spans_, 2, nullptr, 0, &bound, &err_), BP_E_INVALID);
  EXPECT_STREQ(err_.msg, "plan_bind: argument 1 is out of the device's reach");
  EXPECT_EQ(bound, nullptr);
  table_.plan_destroy(planned);
}

}  // namespace
}  // namespace bp::plugin
