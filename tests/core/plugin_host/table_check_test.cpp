#include "plugin_host/table_check.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace bp {
namespace {

bp_status no_plan(const bp_kernel*, bp_device*, const bp_region*, const int64_t*, bp_plan**, bp_plan_info*, bp_err*) {
  return BP_OK;
}

bp_kernel good_kernel() {
  bp_kernel kernel{};
  kernel.struct_size = sizeof kernel;
  kernel.id = "x.add";
  kernel.pattern = "add";
  kernel.plan = no_plan;
  return kernel;
}

bool is_bad(const bp_kernel& kernel) {
  const bp_kernel* list = &kernel;
  return !check_kernels(&list, 1).has_value();
}

TEST(TableCheck, KernelsMustBeWhole) {
  EXPECT_FALSE(is_bad(good_kernel()));
  const auto changed = [](auto change) {
    bp_kernel kernel = good_kernel();
    change(kernel);
    return is_bad(kernel);
  };
  const std::string endless(5000, 'x');
  EXPECT_TRUE(changed([](bp_kernel& k) { k.struct_size = 8; }));
  EXPECT_TRUE(changed([](bp_kernel& k) { k.id = nullptr; }));
  EXPECT_TRUE(changed([](bp_kernel& k) { k.id = "two words"; }));
  EXPECT_TRUE(changed([](bp_kernel& k) { k.pattern = nullptr; }));
  EXPECT_TRUE(changed([](bp_kernel& k) { k.pattern = ""; }));
  EXPECT_TRUE(changed([](bp_kernel& k) { k.plan = nullptr; }));
  EXPECT_TRUE(changed([&](bp_kernel& k) { k.where = endless.c_str(); }));
  EXPECT_TRUE(changed([](bp_kernel& k) { k.n_tunable = 1; }));
}

TEST(TableCheck, TunablesMustHaveNamesAndValues) {
  const int64_t value = 1;
  bp_tunable tunable{"tile", 1, 0, &value};
  bp_kernel kernel = good_kernel();
  kernel.n_tunable = 1;
  kernel.tunable = &tunable;
  kernel.tunable_stride = sizeof tunable;
  EXPECT_FALSE(is_bad(kernel));
  tunable.n = 0;
  EXPECT_TRUE(is_bad(kernel));
  tunable = {nullptr, 1, 0, &value};
  EXPECT_TRUE(is_bad(kernel));
  tunable = {"tile", 1, 0, &value};
  kernel.tunable_stride = 4;
  EXPECT_TRUE(is_bad(kernel));
}

TEST(TableCheck, AKernelListMayNotLie) {
  const bp_kernel kernel = good_kernel();
  const std::array<const bp_kernel*, 2> twice = {&kernel, &kernel};
  EXPECT_FALSE(check_kernels(twice.data(), 2).has_value());
  const std::array<const bp_kernel*, 1> null = {nullptr};
  EXPECT_FALSE(check_kernels(null.data(), 1).has_value());
  EXPECT_FALSE(check_kernels(nullptr, 1).has_value());
  EXPECT_FALSE(check_kernels(twice.data(), 1u << 30).has_value());
  EXPECT_TRUE(check_kernels(nullptr, 0).has_value());
}

TEST(TableCheck, APluginTableOfAnySizeIsReadOnlyAsFarAsItGoes) {
  bp_plugin_api api{};
  for (const uint32_t size : {0u, 1u, 8u, 0xffffffffu}) {
    api.struct_size = size;
    EXPECT_FALSE(check_plugin_api(api, BP_KIND_DEVICE).has_value()) << size;
  }
}

TEST(TableCheck, ADeviceTableOfAnySizeIsReadOnlyAsFarAsItGoes) {
  bp_device_api api{};
  for (const uint32_t size : {0u, 1u, 8u, 0xffffffffu}) {
    api.struct_size = size;
    EXPECT_FALSE(check_device_api(&api, false).has_value()) << size;
  }
  EXPECT_FALSE(check_device_api(nullptr, false).has_value());
}

TEST(TableCheck, AnOlderDeviceTableIsFilledUpWithNull) {
  bp_device_api api{};
  std::memset(static_cast<void*>(&api), 0x11, sizeof api);
  api.struct_size = offsetof(bp_device_api, mem_import);
  const auto copy = check_device_api(&api, false);
  ASSERT_TRUE(copy.has_value()) << copy.error().reason;
  EXPECT_NE(copy->copy, nullptr);
  EXPECT_EQ(copy->kernels, nullptr);
  EXPECT_EQ(copy->ext, nullptr);
}

// Tables that are read where the plugin has them: newer ones are larger.
TEST(TableCheck, WhatThePluginKeepsMayBeLargerButNotBeyondReason) {
  struct Newer {
    bp_device_api api;
    uint64_t later[8];
  } newer{};
  std::memset(static_cast<void*>(&newer), 0x11, sizeof newer);
  newer.api.struct_size = sizeof newer;
  const auto copy = check_device_api(&newer.api, false);
  ASSERT_TRUE(copy.has_value()) << copy.error().reason;
  EXPECT_EQ(copy->struct_size, sizeof(bp_device_api));
  newer.api.struct_size = (1 << 16) + 1;
  EXPECT_FALSE(check_device_api(&newer.api, false).has_value());

  bp_kernel kernel = good_kernel();
  for (const uint32_t size : {0u, 8u, uint32_t{sizeof kernel} - 8, 0xffffffffu}) {
    kernel.struct_size = size;
    EXPECT_TRUE(is_bad(kernel)) << size;
  }
  kernel.struct_size = sizeof kernel + 64;
  EXPECT_FALSE(is_bad(kernel));

  const int64_t value = 1;
  struct FarTunable {
    bp_tunable tunable;
    uint64_t later[2];
  };
  const std::array<FarTunable, 2> far = {{{{"a", 1, 0, &value}, {1, 1}}, {{"b", 1, 0, &value}, {1, 1}}}};
  kernel.tunable = &far[0].tunable;
  kernel.n_tunable = 2;
  kernel.tunable_stride = sizeof(FarTunable);
  EXPECT_FALSE(is_bad(kernel));
  for (const uint32_t stride : {0u, 8u, 25u, 1u << 20, 0xffffffffu}) {
    kernel.tunable_stride = stride;
    EXPECT_TRUE(is_bad(kernel)) << stride;
  }

  struct FarOption {
    bp_option option;
    uint64_t later[2];
  };
  const std::array<FarOption, 2> options = {
      {{{"a", "int", "1", nullptr, nullptr, "doc"}, {1, 1}}, {{"b", "int", "2", nullptr, nullptr, "doc"}, {1, 1}}}};
  bp_plugin_api api{};
  api.option = &options[0].option;
  api.n_option = 2;
  api.option_stride = sizeof(FarOption);
  ASSERT_TRUE(check_options(api).has_value());
  EXPECT_EQ(check_options(api)->back().default_value, "2");
  for (const uint32_t stride : {0u, 8u, 49u, 0xffffffffu}) {
    api.option_stride = stride;
    EXPECT_FALSE(check_options(api).has_value()) << stride;
  }
}

// Structs that the plugin fills in: no larger than the host said.
TEST(TableCheck, WhatThePluginFillsInIsAsLargeAsTheFirstVersionAndNotLargerThanItsRoom) {
  bp_heap heap{};
  heap.bytes = 1 << 20;
  bp_device_info info{};
  std::strcpy(info.id, "x:0");
  bp_plugin_api api{};
  std::memset(static_cast<void*>(&api), 0x11, sizeof api);
  const auto are_fine = [&](int32_t difference) {
    heap.struct_size = static_cast<uint32_t>(static_cast<int32_t>(sizeof heap) + difference);
    info.struct_size = static_cast<uint32_t>(static_cast<int32_t>(sizeof info) + difference);
    api.struct_size = static_cast<uint32_t>(static_cast<int32_t>(sizeof api) + difference);
    const std::array<bool, 3> fine = {check_heaps({&heap, 1}).has_value(), check_device_info(info, "x").has_value(),
                                      check_plugin_api(api, BP_KIND_DEVICE).has_value()};
    return fine;
  };
  EXPECT_EQ(are_fine(0), (std::array{true, true, true}));
  // attach and shutdown are not every plugin's.
  EXPECT_EQ(are_fine(-8), (std::array{false, false, true}));
  EXPECT_EQ(are_fine(-32), (std::array{false, false, false}));
  EXPECT_EQ(are_fine(8), (std::array{false, false, false}));
  EXPECT_EQ(are_fine(1 << 30), (std::array{false, false, false}));
}

TEST(TableCheck, DeviceInfoMustEndItsTexts) {
  bp_device_info info{};
  info.struct_size = sizeof info;
  std::strcpy(info.id, "x:0");
  ASSERT_TRUE(check_device_info(info, "x").has_value());
  EXPECT_EQ(check_device_info(info, "x")->why, "its plugin does not say why");
  std::memset(info.name, 'x', sizeof info.name);
  EXPECT_FALSE(check_device_info(info, "x").has_value());
  info.name[0] = '\0';
  std::strcpy(info.id, "auto");
  EXPECT_FALSE(check_device_info(info, "x").has_value());
  std::strcpy(info.id, "x 0\n");
  EXPECT_FALSE(check_device_info(info, "x").has_value());
}

TEST(TableCheck, OptionsNeedKeysAndOnlyOneEach) {
  const std::array<bp_option, 2> twice = {
      {{"a", "int", "1", nullptr, nullptr, "doc"}, {"a", "int", "1", nullptr, nullptr, "doc"}}};
  bp_plugin_api api{};
  api.option = twice.data();
  api.option_stride = sizeof(bp_option);
  api.n_option = 1;
  ASSERT_TRUE(check_options(api).has_value());
  EXPECT_EQ(check_options(api)->front().default_value, "1");
  api.n_option = 2;
  EXPECT_FALSE(check_options(api).has_value());
  api.n_option = 1u << 31;
  EXPECT_FALSE(check_options(api).has_value());
  api.n_option = 1;
  api.option = nullptr;
  EXPECT_FALSE(check_options(api).has_value());
}

}  // namespace
}  // namespace bp
