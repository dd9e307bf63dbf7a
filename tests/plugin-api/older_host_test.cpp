// Plugins before a host of an older minor, whose structs end earlier: they must write no further. And before one of a
// newer minor, whose arrays have another stride.
#include <backplane/plugin.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr unsigned char kBeyond = 0xa5;

// A growing struct of which the first `size` bytes are there; the rest is watched.
template <class T>
class Room {
 public:
  explicit Room(size_t size) : bytes_(sizeof(T) + 64, 0), size_(size) {
    std::fill(bytes_.begin() + static_cast<ptrdiff_t>(size), bytes_.end(), kBeyond);
    at()->struct_size = static_cast<uint32_t>(size);
  }
  T* at() { return reinterpret_cast<T*>(bytes_.data()); }
  bool is_kept() const {
    return std::all_of(bytes_.begin() + static_cast<ptrdiff_t>(size_), bytes_.end(),
                       [](unsigned char byte) { return byte == kBeyond; });
  }

 private:
  std::vector<unsigned char> bytes_;
  size_t size_;
};

uint32_t intern(void*, const char*) { return 0; }
void write_log(void*, int32_t, const char*) {}
bp_status cfg_get(void*, const char*, char*, uint32_t) { return BP_E_UNSUPPORTED; }

// A host whose services end before the store of artifacts.
struct OlderHost {
  bp_host_api api{};
  OlderHost() {
    api.struct_size = offsetof(bp_host_api, cache_get);
    api.log = write_log;
    api.intern = intern;
    api.cfg_get = cfg_get;
    const auto trap = reinterpret_cast<uintptr_t>(&api.cache_get);  // past its end: nobody may look
    std::memset(reinterpret_cast<void*>(trap), 0x11, sizeof api - offsetof(bp_host_api, cache_get));
  }
};

using Entry = decltype(&bp_plugin_entry_v0);

class OlderHostTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    library_ = ::dlopen(GetParam(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library_, nullptr) << ::dlerror();
    entry_ = reinterpret_cast<Entry>(::dlsym(library_, "bp_plugin_entry_v0"));
    ASSERT_NE(entry_, nullptr);
    err_.struct_size = sizeof err_;
  }
  // What was entered stays mapped, as in the real host.

  void* library_ = nullptr;
  Entry entry_ = nullptr;
  OlderHost host_;
  bp_err err_{};
};

TEST_P(OlderHostTest, NothingIsWrittenPastTheRoom) {
  Room<bp_plugin_api> plugin(offsetof(bp_plugin_api, attach));
  ASSERT_EQ(entry_(&host_.api, plugin.at(), &err_), BP_OK) << err_.msg;
  EXPECT_TRUE(plugin.is_kept()) << "bp_plugin_api";
  EXPECT_LE(plugin.at()->struct_size, offsetof(bp_plugin_api, attach));
  ASSERT_NE(plugin.at()->open, nullptr);

  uint32_t n = 0;
  Room<bp_device_info> info(offsetof(bp_device_info, fingerprint));
  ASSERT_EQ(plugin.at()->enumerate(info.at(), sizeof(bp_device_info), 1, &n, &err_), BP_OK) << err_.msg;
  EXPECT_TRUE(info.is_kept()) << "bp_device_info";
  EXPECT_LE(info.at()->struct_size, offsetof(bp_device_info, fingerprint));
  ASSERT_GE(n, 1u);

  bp_device* device = nullptr;
  const bp_device_api* api = nullptr;
  ASSERT_EQ(plugin.at()->open(info.at()->id, &device, &api, &err_), BP_OK) << err_.msg;
  Room<bp_heap> heap(offsetof(bp_heap, granularity));
  ASSERT_EQ(api->heaps(device, heap.at(), sizeof(bp_heap), 1, &n, &err_), BP_OK) << err_.msg;
  EXPECT_TRUE(heap.is_kept()) << "bp_heap";

  // A newer host's heaps are further apart.
  constexpr uint32_t kStride = sizeof(bp_heap) + 64;
  std::vector<unsigned char> far(size_t{kStride} * 4, kBeyond);
  for (uint32_t i = 0; i < 4; ++i) {
    auto* at = reinterpret_cast<bp_heap*>(far.data() + size_t{i} * kStride);
    at->struct_size = kStride;
  }
  ASSERT_EQ(api->heaps(device, reinterpret_cast<bp_heap*>(far.data()), kStride, 4, &n, &err_), BP_OK) << err_.msg;
  for (uint32_t i = 0; i < std::min(n, 4u); ++i) {
    const auto* at = reinterpret_cast<const bp_heap*>(far.data() + size_t{i} * kStride);
    EXPECT_EQ(at->struct_size, sizeof(bp_heap)) << "says how much it wrote";
    const unsigned char* rest = far.data() + size_t{i} * kStride + sizeof(bp_heap);
    EXPECT_TRUE(std::all_of(rest, rest + 64, [](unsigned char byte) { return byte == kBeyond; }));
  }
  // No row at all: their number alone.
  n = 0;
  ASSERT_EQ(api->heaps(device, nullptr, sizeof(bp_heap), 0, &n, &err_), BP_OK);
  EXPECT_GE(n, 1u);
  plugin.at()->close(device);
}

std::string plugin_name(const testing::TestParamInfo<const char*>& plugin) {
  const std::string path = plugin.param;
  const size_t slash = path.rfind('/') + 1;
  return path.substr(slash, path.rfind('.') - slash);
}

INSTANTIATE_TEST_SUITE_P(Plugins, OlderHostTest,
                         testing::Values(CPU_PLUGIN, BP_BUILD_DIR "/tests/fakes/good.so",
                                         BP_BUILD_DIR "/tests/fakes/queued.so",
                                         BP_BUILD_DIR "/tests/fakes/wrapping/capture.so",
                                         BP_BUILD_DIR "/tests/fakes/wrapping/faulty.so"),
                         plugin_name);

// Plans: the fake's, since the CPU plugin's want a region.
TEST(OlderHost, APlanWritesNoFurtherEither) {
  void* library = ::dlopen(BP_BUILD_DIR "/tests/fakes/good.so", RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << ::dlerror();
  const auto entry = reinterpret_cast<Entry>(::dlsym(library, "bp_plugin_entry_v0"));
  const OlderHost host;
  bp_err err{};
  err.struct_size = sizeof err;
  bp_plugin_api plugin{};
  plugin.struct_size = sizeof plugin;
  ASSERT_EQ(entry(&host.api, &plugin, &err), BP_OK);
  bp_device* device = nullptr;
  const bp_device_api* api = nullptr;
  ASSERT_EQ(plugin.open("good:0", &device, &api, &err), BP_OK);
  const bp_kernel* const* rows = nullptr;
  uint32_t n = 0;
  ASSERT_EQ(api->kernels(device, &rows, &n, &err), BP_OK);
  Room<bp_ws_need> need(offsetof(bp_ws_need, align));
  Room<bp_plan_info> info(offsetof(bp_plan_info, numerics));
  info.at()->ws = need.at();
  info.at()->ws_cap = 1;
  info.at()->ws_stride = sizeof(bp_ws_need);
  bp_plan* plan = nullptr;
  const bp_region region{};
  ASSERT_EQ(rows[0]->plan(rows[0], device, &region, nullptr, &plan, info.at(), &err), BP_OK);
  EXPECT_TRUE(info.is_kept()) << "bp_plan_info";
  EXPECT_TRUE(need.is_kept()) << "bp_ws_need";
  EXPECT_EQ(need.at()->bytes, 256u);
  api->plan_destroy(plan);
  plugin.close(device);
}

}  // namespace
