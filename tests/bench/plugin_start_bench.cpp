// What finding plugins costs: 20 of them with nothing known (each copied and probed), and known from an earlier start;
// one probe of the fake and of the CPU plugin. plugin_start_bench [REPEATS]: medians in ms.
#include <fmt/format.h>
#include <sys/stat.h>

#include <backplane/plugin.h>
#include <algorithm>
#include <chrono>
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

double median_ms(int repeats, const std::function<void()>& before, const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    before();
    const auto start = std::chrono::steady_clock::now();
    work();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
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
  size_t n_ok = 0;
  const auto discover = [&] {
    const auto registry = bp::PluginRegistry::discover(search);
    n_ok = static_cast<size_t>(std::ranges::count(registry->verdicts(), bp::Verdict::kOk, &bp::PluginVerdict::verdict));
  };
  const auto forget = [&] { fs::remove_all(folder / "cache"); };
  const double cold = median_ms(repeats, forget, discover);
  const double warm = median_ms(repeats, [] {}, discover);
  const std::string helper = bp::find_probe_helper({});
  const auto probe = [&](const char* file) {
    return median_ms(
        repeats, [] {},
        [&] {
          const auto refused = bp::probe({.helper = helper, .file = file});
          if (!refused || *refused) fmt::print("{} was refused\n", file);
        });
  };
  const double probe_fake = probe(BP_BUILD_DIR "/tests/fakes/good.so");
  const double probe_cpu = probe(BP_BUILD_DIR "/lib/backplane/plugins/cpu.so");
  fs::remove_all(folder);
  fmt::print("{} plugins found, {} of them OK\n", kPlugins, n_ok);
  fmt::print("discovery, nothing known  {:8.1f} ms\ndiscovery, all known      {:8.1f} ms\n", cold, warm);
  fmt::print("probe of a small plugin   {:8.1f} ms\nprobe of the CPU plugin   {:8.1f} ms\n", probe_fake, probe_cpu);
  return n_ok == kPlugins ? 0 : 1;
}
