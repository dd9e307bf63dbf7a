#include "plugin_host/missing_device.h"

#include <gtest/gtest.h>

namespace bp {
namespace {

const std::vector<std::string> kPlaces = {"/opt/plugins"};

TEST(MissingDevice, SaysWhatWasFoundAndWhyNot) {
  const std::vector<DeviceInfo> devices = {{.id = "cpu:0", .name = "Some CPU", .plugin = "cpu", .score = 1},
                                           {.id = "npu:0", .plugin = "npu", .why = "no driver"}};
  const std::vector<PluginVerdict> verdicts = {
      {.file = "/opt/plugins/cuda.so",
       .name = "cuda",
       .verdict = Verdict::kMissingLibs,
       .reason = "not on this machine: libcuda.so.1",
       .fix = "install the driver"},
      {.file = "/opt/plugins/old.so", .verdict = Verdict::kShadowed, .reason = "never shown"}};
  EXPECT_EQ(missing_device("cuda:0", devices, verdicts, kPlaces).message(),
            "device cuda:0: there is no such device (found cpu:0 (Some CPU), npu:0 (unusable: no driver); refused "
            "/opt/plugins/cuda.so MISSING_LIBS: not on this machine: libcuda.so.1; looked in /opt/plugins); install "
            "the driver");
  EXPECT_EQ(missing_device("npu:0", devices, {}, kPlaces).message(),
            "device npu:0: is unusable: no driver (found cpu:0 (Some CPU), npu:0 (unusable: no driver); looked in "
            "/opt/plugins); "
            "name a device of the list");
}

TEST(MissingDevice, SaysWhereItLookedWhenNothingWasFound) {
  EXPECT_EQ(missing_device("auto", {}, {}, kPlaces).message(),
            "device auto: no usable device (no device found; looked in /opt/plugins); put a plugin into one of the "
            "folders, or "
            "name its folder: --plugin-dir, in a program DeviceOptions::plugin_dirs");
}

TEST(MissingDevice, AFolderOfOtherFilesHidesNoPluginAndMakesNoEndlessLine) {
  std::vector<PluginVerdict> verdicts(100, {.file = "/x.so", .verdict = Verdict::kNotElf, .reason = "text"});
  verdicts.push_back({.file = "/cuda.so", .name = "cuda", .verdict = Verdict::kIsa, .reason = "built for x86-64-v4"});
  const std::string text = missing_device("auto", {}, verdicts, kPlaces).message();
  EXPECT_NE(text.find("refused /cuda.so ISA: built for x86-64-v4, /x.so"), std::string::npos) << text;
  EXPECT_NE(text.find("and 93 more"), std::string::npos) << text;
}

}  // namespace
}  // namespace bp
