// Plugins that were built once (stored/README.md) and this host.
#include <backplane/plugin.h>
#include <gmock/gmock.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "plugin_host/manifest.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

std::string stored(const std::string& name) { return BP_SOURCE_DIR "/tests/plugin-api/stored/" + name + ".so"; }

// In a folder of its own: trust is not what is tested.
class Copied {
 public:
  explicit Copied(const std::string& name) {
    std::string folder = (std::filesystem::temp_directory_path() / "backplane-stored-XXXXXX").string();
    folder_ = ::mkdtemp(folder.data());
    file = folder_ + "/" + name + ".so";
    std::ofstream(file, std::ios::binary) << std::ifstream(stored(name), std::ios::binary).rdbuf();
  }
  ~Copied() { std::filesystem::remove_all(folder_); }
  Copied(const Copied&) = delete;
  Copied& operator=(const Copied&) = delete;

  std::unique_ptr<PluginRegistry> load() const {
    return PluginRegistry::discover({.paths = {file},
                                     .use_environment = false,
                                     .use_default_dirs = false,
                                     .probe = ProbeMode::kOff,
                                     .stage = false});
  }

  std::string file;

 private:
  std::string folder_;
};

Verdict verdict_of(const std::string& name) {
  const Copied copied(name);
  return copied.load()->verdicts()[0].verdict;
}

Verdict verdict_of(const std::string& name, AbiVersion host) {
  auto image = ElfImage::open(stored(name));
  EXPECT_TRUE(image.has_value()) << image.error().reason;
  const auto manifest = read_manifest(*image);
  EXPECT_TRUE(manifest.has_value()) << manifest.error().reason;
  const auto checked = check_manifest(*manifest, host);
  return checked ? Verdict::kOk : checked.error().verdict;
}

class StoredPlugin : public testing::Test {
 protected:
  void SetUp() override {
#if !defined(__x86_64__)
    GTEST_SKIP() << "they are built for x86-64";
#endif
  }
};

TEST_F(StoredPlugin, IsTakenOrRefusedByItsVersions) {
  EXPECT_EQ(verdict_of("v0_0"), Verdict::kOk);
  EXPECT_EQ(verdict_of("v0_built_3"), Verdict::kAbiMajor);
  EXPECT_EQ(verdict_of("v0_needs_3"), Verdict::kAbiTooNew);
  EXPECT_EQ(verdict_of("v0_v1"), Verdict::kOk);
  EXPECT_EQ(verdict_of("v1_only"), Verdict::kAbiTooNew);
}

TEST_F(StoredPlugin, OfANewerHeaderRunsWhereItsMinimumAllows) {
  for (const char* name : {"v0_v1", "v1_only"}) {
    EXPECT_EQ(verdict_of(name, {.major = 1, .minor = 1}), Verdict::kAbiTooNew) << name;
    EXPECT_EQ(verdict_of(name, {.major = 1, .minor = 2}), Verdict::kOk) << name;
    EXPECT_EQ(verdict_of(name, {.major = 1, .minor = 9}), Verdict::kOk) << name;
    EXPECT_EQ(verdict_of(name, {.major = 2, .minor = 0}), Verdict::kAbiMajor) << name;
  }
  EXPECT_EQ(verdict_of("v0_0", {.major = 1, .minor = 0}), Verdict::kAbiMajor);
}

TEST_F(StoredPlugin, Computes) {
  for (const std::string name : {"v0_0", "v0_v1"}) {
    const Copied copied(name);
    const auto registry = copied.load();
    auto device = registry->open(name + ":0");
    ASSERT_TRUE(device.has_value()) << device.error().message();
    ASSERT_EQ((*device)->kernels().size(), 1u);
    EXPECT_EQ((*device)->heaps()[0].bytes, 16u * 4096);
    Queue queue = (*device)->create_queue().value();
    const Memory memory = (*device)->alloc(256, "x and y").value();
    auto plan = (*device)->plan(*(*device)->kernels()[0], bp_region{});
    ASSERT_TRUE(plan.has_value()) << plan.error().message();
    ASSERT_EQ(plan->info().workspaces.size(), 1u);
    EXPECT_EQ(plan->info().workspaces[0].bytes, 128u);
    EXPECT_EQ(plan->info().est_us, 1.5);
    const std::array<bp_span, 2> args = {memory.span(0, 16), memory.span(64, 16)};
    const bp_span ws = memory.span(128, 128);
    auto bound = plan->bind(args, {&ws, 1});
    ASSERT_TRUE(bound.has_value()) << bound.error().message();
    auto* x = reinterpret_cast<float*>(memory.host());
    for (int i = 0; i < 4; ++i) x[i] = static_cast<float>(i);
    const int64_t n = 4;
    ASSERT_TRUE(bound->launch(queue, {&n, 1}, 1).has_value());
    for (int i = 0; i < 4; ++i) EXPECT_EQ(x[16 + i], static_cast<float>(i + 1));
  }
}

TEST_F(StoredPlugin, IsSmall) {
  for (const char* name : {"v0_0", "v0_built_3", "v0_needs_3", "v0_v1", "v1_only"})
    EXPECT_LT(std::filesystem::file_size(stored(name)), 16u << 10) << name;
}

}  // namespace
}  // namespace bp
