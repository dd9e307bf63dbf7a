// What attached plugins get from the device: addresses and the thread team.
#include <backplane/cpu_native.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tiny_host.h"

namespace bp::tiny {
namespace {

struct Native : testing::Test {
  Device device{BP_CPU_PLUGIN, Options{{"threads", "3"}}};
  const bp_ext_native* table = static_cast<const bp_ext_native*>(device.api().ext(device.handle(), "native/1"));

  bp_status get(uint32_t kind, const void* object, const char* type, uint64_t* out) {
    bp_err err{};
    return table->get(device.handle(), kind, object, device.intern(type), out, &err);
  }
};

TEST_F(Native, APointerIsWhereMemoryBegins) {
  const Memory memory(device, 4096);
  uint64_t address = 0;
  ASSERT_EQ(get(BP_OBJ_MEM, memory.span().mem, BP_CPU_POINTER, &address), BP_OK);
  EXPECT_EQ(address, reinterpret_cast<uint64_t>(memory.data()));
}

TEST_F(Native, TheTeamRunsEachIndexOnceOnItsThreads) {
  uint64_t address = 0, of_queue = 0;
  ASSERT_EQ(get(BP_OBJ_DEVICE, device.handle(), BP_CPU_PARALLEL_FOR, &address), BP_OK);
  ASSERT_EQ(get(BP_OBJ_QUEUE, device.queue(), BP_CPU_PARALLEL_FOR, &of_queue), BP_OK);
  EXPECT_EQ(address, of_queue);
  const auto& team = *reinterpret_cast<const bp_cpu_team*>(address);
  ASSERT_TRUE(BP_HAS(bp_cpu_team, &team, parallel_for));
  EXPECT_EQ(team.n_threads, 3u);
  std::vector<std::atomic<int>> counts(1000);
  const auto count = [](void* argument, int64_t i) {
    ++(*static_cast<std::vector<std::atomic<int>>*>(argument))[static_cast<size_t>(i)];
  };
  team.parallel_for(team.ctx, 1000, count, &counts);
  team.parallel_for(team.ctx, 0, count, &counts);
  for (const auto& n : counts) EXPECT_EQ(n, 1);
}

TEST_F(Native, OtherTypesAndObjectsAreUnsupported) {
  uint64_t out = 0;
  EXPECT_EQ(get(BP_OBJ_MEM, nullptr, BP_CPU_POINTER, &out), BP_E_UNSUPPORTED);
  EXPECT_EQ(get(BP_OBJ_QUEUE, device.queue(), BP_CPU_POINTER, &out), BP_E_UNSUPPORTED);
  EXPECT_EQ(get(BP_OBJ_EVENT, device.handle(), BP_CPU_PARALLEL_FOR, &out), BP_E_UNSUPPORTED);
  EXPECT_EQ(get(BP_OBJ_DEVICE, device.handle(), "cuda.stream@1", &out), BP_E_UNSUPPORTED);
}

}  // namespace
}  // namespace bp::tiny
