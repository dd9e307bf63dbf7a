// What finding plugins costs a new process: 20 of them with nothing known (each copied and probed), and known from an
// earlier start; and one probe of a fake and of the CPU plugin. plugin_start_bench [REPEATS]: medians in ms.
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <backplane/plugin.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "plugin_host/probe.h"
#include "plugin_host/registry.h"

namespace {

namespace fs = std::filesystem;

constexpr int kPlugins = 20;

double median(std::vector<double> times) {
  std::ranges::sort(times);
  return times[times.size() / 2];
}

double ms_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// In a process of its own: what was loaded once stays mapped. NaN where the work says no.
double ms_in_child(const std::function<bool()>& work) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return std::nan("");
  const pid_t child = ::fork();
  if (child == 0) {
    bool good = false;
    double ms = ms_of([&] { good = work(); });
    if (!good) ms = std::nan("");
    (void)!::write(ends[1], &ms, sizeof ms);
    ::_exit(0);
  }
  double ms = std::nan("");
  (void)!::read(ends[0], &ms, sizeof ms);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  return ms;
}

std::string read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The good fake under twenty names: as many contents, as many plugins.
void write_plugins(const fs::path& folder) {
  fs::create_directories(folder);
  const std::string good = read_bytes(BP_BUILD_DIR "/tests/fakes/good.so");
  const size_t at = good.find(std::string("BKPLAN0\0", 8));
  for (int i = 0; i < kPlugins; ++i) {
    std::string bytes = good;
    const std::string name = fmt::format("good{}", i);
    std::memcpy(bytes.data() + at + offsetof(bp_manifest, name), name.c_str(), name.size() + 1);
    std::ofstream(folder / (name + ".so"), std::ios::binary) << bytes;
  }
}

}  // namespace

int main(int argc, char** argv) {
  bp::log::set_level(bp::log::Level::kError);  // all of them have the same device
  const int repeats = argc > 1 ? std::max(1, std::atoi(argv[1])) : 11;
  std::string name = (fs::temp_directory_path() / "plugin_start_XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  write_plugins(folder / "plugins");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  bp::PluginSearch search;
  search.dirs = {(folder / "plugins").string()};
  search.use_environment = search.use_default_dirs = false;
  search.cache_dir = (folder / "cache").string();
  const auto discover = [&] {
    const auto registry = bp::PluginRegistry::discover(search);
    return std::ranges::count(registry->verdicts(), bp::Verdict::kOk, &bp::PluginVerdict::verdict) == kPlugins;
  };
  std::vector<double> cold, warm, fake, cpu;
  const std::string helper = bp::find_probe_helper({});
  const auto probe = [&](const char* file) {
    return ms_of([&] {
      const auto refused = bp::probe({.helper = helper, .file = file});
      if (!refused || *refused) fmt::print("{} was refused\n", file);
    });
  };
  for (int i = 0; i < repeats; ++i) {
    fs::remove_all(folder / "cache");
    cold.push_back(ms_in_child(discover));
    warm.push_back(ms_in_child(discover));
    fake.push_back(probe(BP_BUILD_DIR "/tests/fakes/good.so"));
    cpu.push_back(probe(BP_BUILD_DIR "/lib/backplane/plugins/cpu.so"));
  }
  fs::remove_all(folder);
  fmt::print("{} plugins in a new process, nothing known  {:8.1f} ms\n", kPlugins, median(cold));
  fmt::print("{} plugins in a new process, all known      {:8.1f} ms\n", kPlugins, median(warm));
  fmt::print("probe of a small plugin                     {:8.1f} ms\n", median(fake));
  fmt::print("probe of the CPU plugin                     {:8.1f} ms\n", median(cpu));
  return 0;
}
