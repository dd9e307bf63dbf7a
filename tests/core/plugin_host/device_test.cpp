#include "plugin_host/device.h"

#include <gmock/gmock.h>

#include <array>
#include <vector>

#include "base/log.h"
#include "fake_file.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

using testing::HasSubstr;

struct Opened {
  std::unique_ptr<PluginRegistry> registry;
  Result<std::unique_ptr<Device>> device;
};

Opened open_fake(const std::vector<std::string>& names, HostCallbacks callbacks = {}) {
  PluginSearch search = only({});
  for (const std::string& name : names) search.paths.push_back(fake_path(name));
  auto registry = PluginRegistry::discover(search, std::move(callbacks));
  auto device = registry->open(names.front() + ":0");
  return {std::move(registry), std::move(device)};
}

// x and y of four floats each on the device, and the first kernel of a plugin bound to them.
class AddOne {
 public:
  AddOne(Device& device, const std::string& plugin) {
    queue = device.create_queue().value();
    memory = device.alloc(2 * kBytes, "x and y").value();
    for (const bp_kernel* kernel : device.kernels()) {
      if (device.plugin_of(*kernel) == plugin) plan = device.plan(*kernel, bp_region{}).value();
    }
    const std::array<bp_span, 2> args = {memory.span(0, kBytes), memory.span(kBytes, kBytes)};
    const std::array<bp_span, 1> ws = {memory.span(0, kBytes)};
    bound = plan.bind(args, ws).value();
  }

  std::vector<float> run(const std::vector<float>& x) {
    std::vector<float> y(4);
    const bp_span from{nullptr, const_cast<float*>(x.data()), 0, kBytes};
    const bp_span to{nullptr, y.data(), 0, kBytes};
    const bp_span x_span = memory.span(0, kBytes);
    const bp_span y_span = memory.span(kBytes, kBytes);
    EXPECT_TRUE(queue.copy({&x_span, 1}, {&from, 1}).has_value());
    EXPECT_TRUE(launch(1).has_value());
    EXPECT_TRUE(queue.copy({&to, 1}, {&y_span, 1}).has_value());
    EXPECT_TRUE(queue.sync().has_value());
    return y;
  }

  Status launch(uint64_t tag) {
    const int64_t n = 4;
    return bound.launch(queue, {&n, 1}, tag);
  }

  static constexpr uint64_t kBytes = 4 * sizeof(float);
  Memory memory;
  Queue queue;
  Plan plan;
  Bound bound;
};

TEST(Device, PlansBindsAndLaunches) {
  auto opened = open_fake({"good"});
  ASSERT_TRUE(opened.device.has_value()) << opened.device.error().message();
  Device& device = **opened.device;
  EXPECT_TRUE(device.inline_launch());
  EXPECT_FALSE(device.has_events());
  ASSERT_EQ(device.kernels().size(), 1u);
  EXPECT_STREQ(device.kernels()[0]->id, "good.add_one");
  AddOne add(device, "good");
  EXPECT_EQ(add.plan.info().workspaces.size(), 1u);
  EXPECT_EQ(add.plan.info().workspaces[0].bytes, 256u);
  EXPECT_EQ(add.plan.info().est_us, 2.5);
  EXPECT_EQ(add.plan.info().numerics, "f32");
  EXPECT_EQ(add.run({1, 2, 3, 4}), (std::vector<float>{2, 3, 4, 5}));
}

TEST(Device, AKernelWithoutQuerySaysYes) {
  auto opened = open_fake({"good"});
  const auto info = (*opened.device)->query(*(*opened.device)->kernels()[0], bp_region{});
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->est_us, 0);
  EXPECT_EQ(info->numerics, "f32");
}

TEST(Device, ABindThatFailsSaysWhatThePluginSays) {
  auto opened = open_fake({"good"});
  auto plan = (*opened.device)->plan(*(*opened.device)->kernels()[0], bp_region{});
  const bp_span ws{nullptr, &plan, 0, 1};
  const auto bound = plan->bind({}, {&ws, 1});
  ASSERT_FALSE(bound.has_value());
  EXPECT_EQ(bound.error().message(),
            "good:0: plan_bind failed: invalid argument: two arguments wanted (native code 77)");
}

TEST(Device, TooMuchMemoryIsAnErrorAndTheDeviceLives) {
  auto opened = open_fake({"good"});
  Device& device = **opened.device;
  const auto memory = device.alloc(1 << 30, "weights");
  ASSERT_FALSE(memory.has_value());
  EXPECT_EQ(memory.error().code, ErrorCode::kOutOfMemory);
  EXPECT_THAT(memory.error().message(), HasSubstr("\"weights\", 1073741824 bytes"));
  EXPECT_TRUE(device.alloc(64, "x").has_value());
  EXPECT_NE(device.alloc(64, "x", AllocKind::kPinned)->host(), nullptr);
}

TEST(Device, ReadsAMappedFileInPlaceWhereItIsAligned) {
  auto opened = open_fake({"good"});
  alignas(64) std::array<std::byte, 64> bytes{};
  const auto memory = (*opened.device)->import(bytes);
  ASSERT_TRUE(memory.has_value());
  EXPECT_EQ(memory->host(), bytes.data());
  const auto crooked = (*opened.device)->import(std::span(bytes).subspan(16));
  ASSERT_FALSE(crooked.has_value());
  EXPECT_EQ(crooked.error().code, ErrorCode::kUnsupported);
}

TEST(Device, WhatThePluginLacksIsUnsupported) {
  auto opened = open_fake({"good"});
  Device& device = **opened.device;
  EXPECT_EQ(device.create_event().error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(device.layout_info(1, {}).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(device.extension("graph/1"), nullptr);
}

TEST(Device, AFaultNamesTheLaunchThatCausedIt) {
  auto opened = open_fake({"launch_fails"});
  AddOne add(**opened.device, "launch_fails");
  const Status status = add.launch(42);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().message(),
            "launch_fails:0: launch failed: internal error: out of luck (native code 77, launch tag 41, scope queue)");
  EXPECT_FALSE((*opened.device)->fault().lost());
}

TEST(Device, ABusyQueueIsNoFaultButATimeoutIs) {
  auto opened = open_fake({"launch_fails"});
  Device& device = **opened.device;
  Queue queue = device.create_queue().value();
  EXPECT_EQ(queue.is_idle(), false);
  EXPECT_FALSE(device.fault().lost());
  EXPECT_FALSE(queue.sync(1).has_value());
  EXPECT_TRUE(device.fault().lost());
  EXPECT_FALSE(queue.is_idle().has_value());
}

TEST(Device, AKernelGetsRoomForAllItsWorkspaces) {
  auto opened = open_fake({"many_workspaces"});
  const auto plan = (*opened.device)->plan(*(*opened.device)->kernels()[0], bp_region{});
  ASSERT_TRUE(plan.has_value()) << plan.error().message();
  EXPECT_EQ(plan->info().workspaces.size(), 20u);
  EXPECT_EQ(plan->info().workspaces[19].bytes, 256u);
}

TEST(Device, ALostDeviceIsOnlyLetGoOf) {
  auto opened = open_fake({"device_lost"});
  Device& device = **opened.device;
  AddOne add(device, "device_lost");
  const Status first = add.launch(7);
  ASSERT_FALSE(first.has_value());
  EXPECT_THAT(first.error().message(),
              HasSubstr("device lost: fell off the bus (native code 77, launch tag 7, scope process)"));
  EXPECT_THAT(first.error().fix, HasSubstr("restart the program"));
  EXPECT_TRUE(device.fault().lost());
  for (const Status& status : {add.launch(8), add.queue.sync()}) {
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, ErrorCode::kDevice);
    EXPECT_THAT(status.error().message(), HasSubstr("fell off the bus"));
  }
  EXPECT_FALSE(device.alloc(64, "x").has_value());
}

TEST(Device, ABadTableRefusesTheDevice) {
  const auto duplicate = open_fake({"duplicate_kernels"});
  ASSERT_FALSE(duplicate.device.has_value());
  EXPECT_THAT(duplicate.device.error().message(), HasSubstr("kernel id \"duplicate_kernels.add_one\" is there twice"));
  const auto null = open_fake({"bad_device_table"});
  ASSERT_FALSE(null.device.has_value());
  EXPECT_THAT(null.device.error().message(), HasSubstr("copy is null"));
}

TEST(Device, AnAttachedPluginsKernelRunsThroughItsOwnTable) {
  auto opened = open_fake({"good", "attached"});
  ASSERT_TRUE(opened.device.has_value()) << opened.device.error().message();
  Device& device = **opened.device;
  ASSERT_EQ(device.kernels().size(), 2u);
  EXPECT_EQ(device.plugin_of(*device.kernels()[1]), "attached");
  // Each by its own kernel, with the memory and the queue of the owner. The fakes' objects are alike.
  EXPECT_EQ(AddOne(device, "good").run({1, 2, 3, 4}), (std::vector<float>{2, 3, 4, 5}));
  EXPECT_EQ(AddOne(device, "attached").run({1, 2, 3, 4}), (std::vector<float>{3, 4, 5, 6}));
}

TEST(Device, ThePluginGetsItsOptionsOrTheirDefaults) {
  log::set_level(log::Level::kInfo);
  testing::internal::CaptureStderr();
  open_fake({"good"});
  open_fake({"good"}, {.option = [](std::string_view plugin, std::string_view key) -> std::optional<std::string> {
                         EXPECT_EQ(plugin, "good");
                         EXPECT_EQ(key, "threads");
                         return "9";
                       },
                       .ops = {}});
  const std::string text = testing::internal::GetCapturedStderr();
  log::set_level(log::Level::kWarn);
  EXPECT_THAT(text, HasSubstr("info good: opened, threads = 4\n"));
  EXPECT_THAT(text, HasSubstr("info good: opened, threads = 9\n"));
}

}  // namespace
}  // namespace bp
