// What the cuda plugin says without a driver and, on a machine with a GPU, its memory, queues, events and handles.
#include <backplane/plugin.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "../../core/built_plugins.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

bool has_gpu(const PluginRegistry& registry) {
  return std::ranges::any_of(registry.devices(),
                             [](const DeviceInfo& info) { return info.id == "cuda:0" && info.score > 0; });
}

TEST(Cuda, WithoutADriverItSaysSoInOneSentenceAndTheProcessGoesOn) {
  const auto registry = built_plugins();
  if (has_gpu(*registry)) GTEST_SKIP() << "there is a GPU";
  const auto verdict = std::ranges::find(registry->verdicts(), "cuda", &PluginVerdict::name);
  ASSERT_NE(verdict, registry->verdicts().end());
  EXPECT_EQ(verdict->verdict, Verdict::kNoDevice);
  EXPECT_THAT(verdict->reason,
              testing::AnyOf(testing::HasSubstr("no NVIDIA driver"), testing::HasSubstr("sees no GPU")));
  EXPECT_EQ(verdict->fix, "install an NVIDIA driver of version 580 or newer");
  const auto refused = registry->open("cuda:0");
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(), testing::HasSubstr(verdict->reason));
  EXPECT_TRUE(registry->open("cpu:0").has_value());
}

// The driver's own word; 0 where there is no context of the process.
int primary_context_is_active() {
  void* driver = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return -1;
  const auto init = reinterpret_cast<int (*)(unsigned)>(::dlsym(driver, "cuInit"));
  const auto state = reinterpret_cast<int (*)(int, unsigned*, int*)>(::dlsym(driver, "cuDevicePrimaryCtxGetState"));
  unsigned flags = 0;
  int active = -1;
  return init == nullptr || state == nullptr || init(0) != 0 || state(0, &flags, &active) != 0 ? -1 : active;
}

// The device in a process that no other test has used.
class CudaDevice : public testing::Test {
 protected:
  void SetUp() override {
    registry_ = built_plugins();
    if (!has_gpu(*registry_)) GTEST_SKIP() << "there is no GPU";
    const bool first = !was_opened_;
    if (first) active_before_open_ = primary_context_is_active();
    was_opened_ = true;
    auto device = registry_->open("cuda:0");
    ASSERT_TRUE(device.has_value()) << device.error().message();
    device_ = std::move(*device);
    auto queue = device_->create_queue();
    ASSERT_TRUE(queue.has_value()) << queue.error().message();
    queue_.emplace(std::move(*queue));
  }

  Memory alloc(uint64_t bytes, AllocKind kind = AllocKind::kDevice) {
    auto memory = device_->alloc(bytes, "test", kind);
    EXPECT_TRUE(memory.has_value()) << memory.error().message();
    return std::move(*memory);
  }
  Status copy(bp_span to, bp_span from) { return queue_->copy({&to, 1}, {&from, 1}); }

  static inline bool was_opened_ = false;
  static inline int active_before_open_ = -1;
  std::unique_ptr<PluginRegistry> registry_;
  std::unique_ptr<Device> device_;
  std::optional<Queue> queue_;
};

TEST_F(CudaDevice, EnumerateCreatesNoContextAndOpenDoes) {
  EXPECT_EQ(active_before_open_, 0);
  EXPECT_EQ(primary_context_is_active(), 1);
}

TEST_F(CudaDevice, TheCpuIsOpenBesideIt) {
  const auto cpu = registry_->open("cpu:0");
  ASSERT_TRUE(cpu.has_value()) << cpu.error().message();
  EXPECT_TRUE((*cpu)->alloc(4096, "test").has_value());
  alloc(4096);
}

TEST_F(CudaDevice, BytesGoThroughTheDeviceAndBack) {
  constexpr uint64_t kBytes = 3'000'017;
  std::vector<std::byte> sent(kBytes), got(kBytes);
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = std::byte(i * 7 % 251);
  const Memory there = alloc(kBytes), pinned = alloc(kBytes, AllocKind::kPinned);
  ASSERT_NE(pinned.host(), nullptr);
  ASSERT_TRUE(copy(there.span(0, kBytes), {nullptr, sent.data(), 0, kBytes}));
  ASSERT_TRUE(copy(pinned.span(0, kBytes), there.span(0, kBytes)));
  ASSERT_TRUE(copy({nullptr, got.data(), 0, kBytes}, there.span(0, kBytes)));
  ASSERT_TRUE(queue_->sync());
  EXPECT_EQ(sent, got);
  EXPECT_EQ(std::memcmp(pinned.host(), sent.data(), kBytes), 0);
}

TEST_F(CudaDevice, APieceThatReachesPastItsMemoryIsRefused) {
  const Memory memory = alloc(4096);
  std::vector<std::byte> host(8192);
  const auto refused = copy({memory.handle(), nullptr, 4000, 200}, {nullptr, host.data(), 0, 200});
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("reaches past its memory"));
  EXPECT_FALSE(device_->fault().lost());
}

TEST_F(CudaDevice, MoreMemoryThanThereIsIsAnErrorOfTheCall) {
  const auto refused = device_->alloc(uint64_t{1} << 46, "far too much");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kOutOfMemory);
  EXPECT_FALSE(device_->fault().lost());
  alloc(4096);
}

TEST_F(CudaDevice, EventsMarkAndTime) {
  constexpr uint64_t kBytes = 256 << 20;
  const Memory a = alloc(kBytes), b = alloc(kBytes);
  auto start = device_->create_event(true), end = device_->create_event(true, true);
  ASSERT_TRUE(start.has_value() && end.has_value());
  ASSERT_TRUE(queue_->record(*start));
  ASSERT_TRUE(copy(b.span(0, kBytes), a.span(0, kBytes)));
  ASSERT_TRUE(queue_->record(*end));
  ASSERT_TRUE(end->sync(10'000'000'000));
  const auto reached = end->is_reached();
  ASSERT_TRUE(reached.has_value());
  EXPECT_TRUE(*reached);
  const auto us = end->elapsed_us_since(*start);
  ASSERT_TRUE(us.has_value()) << us.error().message();
  EXPECT_GT(*us, 1.0);
  auto untimed = device_->create_event();
  ASSERT_TRUE(untimed.has_value());
  ASSERT_TRUE(queue_->record(*untimed));
  ASSERT_TRUE(queue_->sync());
  EXPECT_FALSE(untimed->elapsed_us_since(*start).has_value());
}

TEST_F(CudaDevice, GivesItsNativeHandles) {
  const auto* native = static_cast<const bp_ext_native*>(device_->extension("native/1"));
  ASSERT_NE(native, nullptr);
  const Memory memory = alloc(4096);
  bp_err err{};
  err.struct_size = sizeof err;
  uint64_t stream = 0, pointer = 0, ordinal = 7, none = 0;
  const auto get = [&](uint32_t kind, const void* object, const char* type, uint64_t& out) {
    return native->get(device_->handle(), kind, object, device_->intern(type), &out, &err);
  };
  EXPECT_EQ(get(BP_OBJ_QUEUE, queue_->handle(), "cuda.stream@1", stream), BP_OK);
  EXPECT_NE(stream, 0u);
  EXPECT_EQ(get(BP_OBJ_MEM, memory.handle(), "cuda.pointer@1", pointer), BP_OK);
  EXPECT_NE(pointer, 0u);
  EXPECT_EQ(pointer % BP_ARG_ALIGN, 0u);
  EXPECT_EQ(get(BP_OBJ_DEVICE, device_->handle(), "cuda.ordinal@1", ordinal), BP_OK);
  EXPECT_EQ(ordinal, 0u);
  EXPECT_EQ(get(BP_OBJ_MEM, memory.handle(), "cuda.stream@1", none), BP_E_UNSUPPORTED);
  EXPECT_EQ(get(BP_OBJ_QUEUE, queue_->handle(), "cpu.pointer@1", none), BP_E_UNSUPPORTED);
}

}  // namespace
}  // namespace bp
