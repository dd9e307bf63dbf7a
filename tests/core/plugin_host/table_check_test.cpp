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
