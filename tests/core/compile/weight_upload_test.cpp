// Weights on their way to a device whose memory the host does not reach: the fake "capture", whose queue has a thread.
#include "compile/weight_upload.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "../../fakes/capture_counts.h"
#include "../built_plugins.h"
#include "compile/weight_store.h"

namespace bp {
namespace {

constexpr const char* kPacked = "cpu.r16@1";
constexpr WeightUpload::Limits kSmall = {.ring_bytes = 64 << 10, .least_bytes = 1};

using Options = std::map<std::string, std::string, std::less<>>;
const Options kOwnMemory = {{"own_memory", "true"}};

struct Opened {
  std::unique_ptr<PluginRegistry> registry;
  std::unique_ptr<Device> device;
  Queue queue;

  explicit Opened(Options options, bool verify = false) {
    HostCallbacks callbacks;
    callbacks.option = [options = std::move(options)](std::string_view, std::string_view key) {
      const auto found = options.find(key);
      return found == options.end() ? std::nullopt : std::optional(found->second);
    };
    registry = built_plugins({.paths = {BP_BUILD_DIR "/tests/fakes/wrapping/capture.so"}}, std::move(callbacks));
    auto opened = registry->open("capture:0");
    EXPECT_TRUE(opened.has_value()) << opened.error().message();
    device = std::move(*opened);
    queue = std::move(*device->create_queue({.verify = verify}));
  }
  capture_counts counts() const { return *static_cast<const capture_counts*>(device->extension("x.capture_counts/0")); }

  std::vector<std::byte> read(const bp_span& from) {
    std::vector<std::byte> bytes(from.bytes);
    EXPECT_TRUE(queue.read(from, bytes).has_value());
    return bytes;
  }
};

std::vector<std::byte> random_bytes(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(n);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

// Weights of a model: some packed, one joined of two, some as they are; 700 KB in all.
struct Weights {
  std::vector<std::vector<std::byte>> bytes;
  std::vector<HostTensor> tensors;
  std::vector<WeightNeed> needs;

  Weights() {
    tensors.reserve(8);
    const HostTensor up = tensor("up", 320, 256), gate = tensor("gate", 96, 256);
    HostTensor joined;
    joined.name = "joined";
    joined.dtype = DType::kQ8_0;
    joined.dims = {416, 256};
    joined.parts = {up, gate};
    add(joined, kPacked);
    add(joined, "");
    add(tensor("down", 200, 1024), kPacked);
    add(tensor("head", 200, 1024), "");
    add(tensor("row", 1, 32), "");
    add(tensor("one", 1, 256), kPacked);
  }
  HostTensor tensor(const char* name, int64_t rows, int64_t k) {
    bytes.push_back(random_bytes(static_cast<size_t>(rows * k / 32 * 34), static_cast<uint32_t>(bytes.size())));
    HostTensor made;
    made.name = name;
    made.dtype = DType::kQ8_0;
    made.dims = {rows, k};
    made.bytes = bytes.back();
    return made;
  }
  void add(HostTensor tensor, const char* layout) {
    tensors.push_back(std::move(tensor));
    needs.push_back({&tensors.back(), layout});
  }
};

std::vector<std::vector<std::byte>> contents(const Weights& weights, const WeightStore& store, Opened& on) {
  std::vector<std::vector<std::byte>> all;
  for (const WeightNeed& need : weights.needs) all.push_back(on.read(store.find(*need.tensor, need.layout).span()));
  return all;
}

TEST(WeightUpload, ARingIsNoLargerThanItsBytesNeed) {
  using Ring = WeightUpload::Ring;
  const WeightUpload::Limits limits{.ring_bytes = 4096, .least_bytes = 1};
  const auto ring = [&](uint64_t total, uint64_t run) { return WeightUpload::ring_for(total, run, limits); };
  EXPECT_EQ(ring(1 << 20, 0).piece_bytes, 1024u);
  EXPECT_EQ(ring(1000, 0).piece_bytes, 256u);
  EXPECT_EQ(ring(1, 0).piece_bytes, 64u);
  EXPECT_EQ(ring(1 << 20, 1500).piece_bytes, 1536u);  // one run of rows is one piece
  EXPECT_EQ(Ring{}.size_bytes(), 0u);
}

TEST(WeightUpload, CopiesOfAnySizeArriveInOrderThroughASmallRing) {
  Opened on(kOwnMemory);
  ASSERT_TRUE(WeightUpload::pays(*on.device));
  std::vector<std::vector<std::byte>> all;
  for (const size_t n : {1, 63, 64, 0, 100, 256, 1000, 1024, 50000, 7}) all.push_back(random_bytes(n, 99));
  auto buffer = Buffer::create(on.device.get(), 100000, "target");
  ASSERT_TRUE(buffer.has_value());
  {
    auto upload = WeightUpload::create(*on.device, on.queue, {256});
    ASSERT_TRUE(upload.has_value()) << upload.error().message();
    EXPECT_EQ(on.counts().pinned_bytes, 1024u);
    uint64_t offset = 0;
    for (const auto& bytes : all) {
      ASSERT_TRUE(upload->copy(bytes, buffer->span(offset, bytes.size())).has_value());
      offset += (bytes.size() + 63) / 64 * 64;
    }
    ASSERT_TRUE(upload->finish().has_value());
    // The last of two writes to one place stays.
    ASSERT_TRUE(upload->copy(all[8], buffer->span(0, 50000)).has_value());
    ASSERT_TRUE(upload->copy(all[0], buffer->span(0, 1)).has_value());
    ASSERT_TRUE(upload->finish().has_value());
  }
  EXPECT_EQ(on.counts().pinned_bytes, 0u);
  std::vector<std::byte> wanted = all[8];
  wanted[0] = all[0][0];
  EXPECT_EQ(on.read(buffer->span(0, 50000)), wanted);
}

// Pieces so large that several threads fill one.
TEST(WeightUpload, LargePiecesAreFilledByThreads) {
  Opened on(kOwnMemory);
  constexpr size_t kBytes = (20 << 20) + 12345;
  auto buffer = Buffer::create(on.device.get(), kBytes, "target");
  std::vector<std::byte> bytes(kBytes);
  for (size_t i = 0; i < kBytes; i += 8) std::memcpy(bytes.data() + i, &i, std::min<size_t>(8, kBytes - i));
  auto upload = WeightUpload::create(*on.device, on.queue, WeightUpload::ring_for(kBytes, 9 << 20, {}));
  ASSERT_TRUE(upload->copy(bytes, buffer->span(0, kBytes)).has_value());
  ASSERT_TRUE(upload->finish().has_value());
  EXPECT_TRUE(on.read(buffer->span(0, kBytes)) == bytes);
}

TEST(WeightUpload, AnAbandonedOneWaitsForItsCopies) {
  Opened on(kOwnMemory);
  auto buffer = Buffer::create(on.device.get(), 1 << 20, "target");
  const std::vector<std::byte> bytes = random_bytes(1 << 20, 5);
  {
    auto upload = WeightUpload::create(*on.device, on.queue, {64 << 10});
    ASSERT_TRUE(upload->copy(bytes, buffer->span(0, 1 << 20)).has_value());
  }
  EXPECT_EQ(on.counts().pinned_bytes, 0u);
  EXPECT_EQ(on.read(buffer->span(0, 1 << 20)), bytes);  // whole pieces all the way
}

TEST(WeightUpload, WeightsAreThoseOfADeviceThatTakesThemAsTheyAre) {
  const Weights weights;
  Opened plain(Options{});
  WeightStore expected(plain.device.get(), &plain.queue, kSmall);
  ASSERT_TRUE(expected.load(weights.needs).has_value());
  EXPECT_EQ(expected.loading_bytes(), 0u);  // the host reaches its memory: no copy beside the one
  const auto wanted = contents(weights, expected, plain);
  for (const bool verify : {false, true}) {
    Opened on(kOwnMemory, verify);
    WeightStore store(on.device.get(), &on.queue, kSmall);
    const auto loaded = store.load(weights.needs);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
    EXPECT_EQ(contents(weights, store, on), wanted);
    EXPECT_EQ(store.loading_bytes(), 4 * 16 * 1088u);  // 16 rows of "down" are one piece, a little over the limit
    EXPECT_EQ(on.counts().most_pinned_bytes, store.loading_bytes());
    EXPECT_EQ(on.counts().pinned_bytes, 0u);
    WeightStore rehearsal(SlabSource(on.device.get(), true), nullptr, kSmall);
    ASSERT_TRUE(rehearsal.load(weights.needs).has_value());
    EXPECT_EQ(rehearsal.loading_bytes(), store.loading_bytes());
    EXPECT_EQ(rehearsal.size_bytes(), store.size_bytes());
  }
}

TEST(WeightUpload, ManyBytesGoThroughARing) {
  Opened on(kOwnMemory);
  const std::byte nothing{};  // a rehearsal reads none
  HostTensor large;
  large.name = "large";
  large.dtype = DType::kF32;
  large.dims = {1 << 14, 1 << 14};
  large.bytes = {&nothing, size_t{1} << 30};
  WeightStore store(SlabSource(on.device.get(), true), nullptr);
  const WeightNeed need{&large, ""};
  ASSERT_TRUE(store.load({&need, 1}).has_value());
  EXPECT_EQ(store.size_bytes(), uint64_t{1} << 30);
  EXPECT_EQ(store.loading_bytes(), uint64_t{64} << 20);
}

TEST(WeightUpload, FewBytesGoByThemselves) {
  const Weights weights;
  Opened on(kOwnMemory);
  WeightStore store(on.device.get(), &on.queue);
  ASSERT_TRUE(store.load(weights.needs).has_value());
  EXPECT_EQ(store.loading_bytes(), 0u);
  EXPECT_EQ(on.counts().most_pinned_bytes, 0u);
}

// Whatever it pays: nothing else brings them there.
TEST(WeightUpload, LayoutsThatArePackedFromTheDeviceAloneAreStagedOnAnyDevice) {
  const Weights weights;
  Opened plain(Options{});
  WeightStore expected(plain.device.get(), &plain.queue);
  ASSERT_TRUE(expected.load(weights.needs).has_value());
  const auto wanted = contents(weights, expected, plain);
  for (const char* own_memory : {"true", "false"}) {
    Opened on(Options{{"own_memory", own_memory}, {"packs_from", "device"}});
    WeightStore store(on.device.get(), &on.queue);
    const auto loaded = store.load(weights.needs);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
    EXPECT_EQ(contents(weights, store, on), wanted);
    EXPECT_GT(store.loading_bytes(), 0u);
  }
}

// A copy that is refused as it is asked for, and one that breaks the queue as it runs: the first one, one midway, the
// last one.
TEST(WeightUpload, AFailingCopyLeavesTheStoreAsItWas) {
  const Weights weights;
  for (const int fail_copy : {1, 9, -1, -9, -20}) {
    SCOPED_TRACE(fail_copy);
    Opened on(Options{{"own_memory", "true"}, {"fail_copy", std::to_string(fail_copy)}});
    WeightStore store(on.device.get(), &on.queue, {.ring_bytes = 16 << 10, .least_bytes = 1});
    const uint64_t n_mems = on.counts().mems;
    const auto failed = store.load(weights.needs);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code, ErrorCode::kDevice);
    EXPECT_EQ(store.size_bytes(), 0u);
    EXPECT_TRUE(store.layouts_of(weights.tensors[2]).empty());
    EXPECT_EQ(on.counts().mems, n_mems);
    EXPECT_EQ(on.counts().pinned_bytes, 0u);
    if (fail_copy < 0) continue;
    ASSERT_TRUE(store.load(weights.needs).has_value());  // the queue still works
    EXPECT_EQ(on.read(store.find(weights.tensors[3], "").span()), weights.bytes[3]);
  }
}

}  // namespace
}  // namespace bp
