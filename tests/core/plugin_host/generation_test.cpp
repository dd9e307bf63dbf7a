// A plugin's file changes while a process runs its code.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "base/log.h"
#include "base/process_memory.h"
#include "fake_file.h"
#include "plugin_host/isa.h"
#include "plugin_host/registry.h"

namespace bp {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string version(const char* text) {
  return with_manifest([&](bp_manifest& m) { std::strcpy(m.version, text); });
}

// As a package manager does it.
void replace(const TempDir& dir, const std::string& name, const std::string& bytes) {
  fs::rename(dir.write(name + ".new", bytes), dir.path() + "/" + name);
}

// Runs y = x + 1 on the good fake's device.
class Work {
 public:
  explicit Work(Device& device) {
    queue_ = device.create_queue().value();
    memory_ = device.alloc(2 * kBytes, "x and y").value();
    plan_ = device.plan(*device.kernels()[0], bp_region{}).value();
    const std::array<bp_span, 2> args = {memory_.span(0, kBytes), memory_.span(kBytes, kBytes)};
    const std::array<bp_span, 1> ws = {memory_.span(0, kBytes)};
    bound_ = plan_.bind(args, ws).value();
  }

  bool is_right() {
    const int64_t n = 4;
    auto* x = reinterpret_cast<float*>(memory_.host());
    for (int i = 0; i < 4; ++i) x[i] = static_cast<float>(i);
    if (!bound_.launch(queue_, {&n, 1}, 1)) return false;
    for (int i = 0; i < 4; ++i) {
      if (x[4 + i] != static_cast<float>(i + 1)) return false;
    }
    return true;
  }

 private:
  static constexpr uint64_t kBytes = 4 * sizeof(float);
  Queue queue_;
  Memory memory_;
  Plan plan_;
  Bound bound_;
};

TEST(Generations, AProcessIsNotDisturbedByWhatHappensToTheFile) {
  const TempDir dir;
  const std::string path = dir.copy("good", "good.so");
  const auto registry = PluginRegistry::discover(only({path}));
  const auto device = registry->open("good:0");
  ASSERT_TRUE(device.has_value()) << device.error().message();
  std::atomic<bool> stop = false, right = true;
  std::atomic<int> n_runs = 0;
  std::jthread worker([&] {
    Work work(**device);
    for (; !stop; ++n_runs) {
      if (!work.is_right()) right = false;
    }
  });
  const auto let_run = [&] {
    for (const int before = n_runs; n_runs < before + 100 && right;) std::this_thread::yield();
  };
  let_run();
  replace(dir, "good.so", version("2"));
  let_run();
  fs::resize_file(path, 100);
  let_run();
  dir.write("good.so", std::string(100'000, 'x'));
  let_run();
  fs::remove(path);
  let_run();
  stop = true;
  worker.join();
  EXPECT_TRUE(right);
  // What was not used before the file went is there as well.
  EXPECT_TRUE(registry->open("good:0").has_value());
}

TEST(Generations, AReloadGivesTheNewFileAndDrainsTheOld) {
  const TempDir dir;
  const std::string path = dir.copy("good", "good.so");
  const auto registry = PluginRegistry::discover(only({path}));
  auto old = registry->open("good:0");
  ASSERT_TRUE(old.has_value());
  Work old_work(**old);

  auto same = registry->reload();
  EXPECT_THAT(same.kept, ElementsAre("good"));
  EXPECT_THAT(same.loaded, IsEmpty());

  replace(dir, "good.so", version("2.0"));
  auto change = registry->reload();
  EXPECT_THAT(change.loaded, ElementsAre("good"));
  EXPECT_THAT(change.retired, ElementsAre("good"));
  EXPECT_EQ(registry->verdicts()[0].version, "2.0");
  auto fresh = registry->open("good:0");
  ASSERT_TRUE(fresh.has_value());
  // Code of its own: other addresses.
  EXPECT_NE((*old)->kernels()[0], (*fresh)->kernels()[0]);
  EXPECT_NE((*old)->api().launch, (*fresh)->api().launch);
  Work fresh_work(**fresh);
  EXPECT_TRUE(old_work.is_right());
  EXPECT_TRUE(fresh_work.is_right());

  // Back to the first, while a device of it is still open: the same code, not entered twice.
  replace(dir, "good.so", read_bytes(fake_path("good")));
  change = registry->reload();
  EXPECT_THAT(change.loaded, ElementsAre("good"));
  auto again = registry->open("good:0");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ((*old)->kernels()[0], (*again)->kernels()[0]);
}

TEST(Generations, AFileThatIsRefusedLeavesTheOldOneInUse) {
  const TempDir dir;
  const std::string path = dir.copy("good", "good.so");
  const auto registry = PluginRegistry::discover(only({path}));
  replace(dir, "good.so", "no plugin at all");
  EXPECT_THAT(registry->reload().kept, ElementsAre("good"));
  EXPECT_EQ(registry->verdicts()[0].verdict, Verdict::kNotElf);
  EXPECT_THAT(registry->verdicts()[0].reason, HasSubstr("version 1.2.3, loaded before, stays in use"));
  const auto device = registry->open("good:0");
  ASSERT_TRUE(device.has_value());
  EXPECT_TRUE(Work(**device).is_right());
  // Taken away, it goes.
  fs::remove(path);
  PluginSearch by_folder = only({});
  by_folder.dirs = {dir.path()};
  EXPECT_THAT(PluginRegistry::discover(by_folder)->devices(), IsEmpty());
}

TEST(Generations, OneThatIsTakenAwayIsShutDownWithItsLastDevice) {
  const TempDir dir;
  dir.copy("misbehaves", "misbehaves.so");
  PluginSearch search = only({});
  search.dirs = {dir.path()};
  const auto registry = PluginRegistry::discover(search);
  auto device = registry->open("misbehaves:0");
  ASSERT_TRUE(device.has_value()) << device.error().message();
  fs::remove(dir.path() + "/misbehaves.so");
  EXPECT_THAT(registry->reload().retired, ElementsAre("misbehaves"));
  EXPECT_THAT(registry->devices(), IsEmpty());
  ::setenv("FAKE_PLACE", "shutdown", 1);
  ::setenv("FAKE_DEED", "say so", 1);
  testing::internal::CaptureStderr();
  Work((**device)).is_right();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  device->reset();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "about to say so\n");
  ::unsetenv("FAKE_DEED");
  ::unsetenv("FAKE_PLACE");
}

size_t count_entries(const char* folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

size_t count_maps() {
  const std::string maps = read_bytes("/proc/self/maps");
  return static_cast<size_t>(std::ranges::count(maps, '\n'));
}

TEST(Generations, AThousandLoadsOfOneFileLeaveNothingBehind) {
  const PluginSearch search = only({fake_path("good")});
  const auto cycle = [&] {
    const auto registry = PluginRegistry::discover(search);
    const auto device = registry->open("good:0");
    ASSERT_TRUE(device.has_value());
  };
  for (int i = 0; i < 50; ++i) cycle();
  const size_t n_descriptors = count_entries("/proc/self/fd"), n_threads = count_entries("/proc/self/task");
  const size_t n_maps = count_maps();
  const uint64_t memory = process_memory().own_bytes;
  for (int i = 0; i < 1000; ++i) cycle();
  EXPECT_EQ(count_entries("/proc/self/fd"), n_descriptors);
  EXPECT_EQ(count_entries("/proc/self/task"), n_threads);
  EXPECT_LE(count_maps(), n_maps + 4);  // of the allocator
  const bool keeps_freed = (host_sanitizers() & BP_SANITIZER_ADDRESS) != 0;
  EXPECT_LE(process_memory().own_bytes, memory + (keeps_freed ? 512u << 20 : 8u << 20));
}

}  // namespace
}  // namespace bp
