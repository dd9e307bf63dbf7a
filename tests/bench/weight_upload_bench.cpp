// How fast weights of a mapped file come to a device, through the pinned ring and straight from the mapping:
//   weight_upload_bench PLUGIN DEVICE FOLDER [MIB]
// Writes a file of MIB (2048) into FOLDER, in tensors of 16 MiB, and loads it in turns; "cold": out of the page cache.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>

#include "compile/weight_store.h"
#include "graph/opset.h"
#include "plugin_host/registry.h"

namespace {

using namespace bp;
constexpr int64_t kRows = 2048, kColumns = 2048;  // f32
constexpr uint64_t kTensorBytes = uint64_t{kRows} * kColumns * 4;

void write_file(int file, uint64_t n_tensors) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> words(kTensorBytes / 8);
  for (uint64_t& word : words) word = random();
  for (uint64_t i = 0; i < n_tensors; ++i) {
    words[0] = i;
    for (uint64_t done = 0; done < kTensorBytes;) {
      const ssize_t n = ::write(file, reinterpret_cast<const char*>(words.data()) + done, kTensorBytes - done);
      if (n <= 0) throw std::runtime_error("the file cannot be written");
      done += static_cast<uint64_t>(n);
    }
  }
  ::fsync(file);
}

double load_seconds(Device& device, Queue& queue, int file, uint64_t bytes, bool staged, bool cold) {
  if (cold) ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  void* at = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
  if (at == MAP_FAILED) throw std::runtime_error("the file cannot be mapped");
  std::vector<HostTensor> tensors(bytes / kTensorBytes);
  std::vector<WeightNeed> needs;
  for (size_t i = 0; i < tensors.size(); ++i) {
    tensors[i].name = fmt::format("w{}", i);
    tensors[i].dtype = DType::kF32;
    tensors[i].dims = {kRows, kColumns};
    tensors[i].bytes = {static_cast<const std::byte*>(at) + i * kTensorBytes, kTensorBytes};
    needs.push_back({&tensors[i], ""});
  }
  WeightUpload::Limits limits;
  limits.least_bytes = staged ? 1 : UINT64_MAX;
  double seconds = 0;
  {
    WeightStore store(&device, &queue, limits);
    const auto begin = std::chrono::steady_clock::now();
    const Status loaded = store.load(needs);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (!loaded.has_value()) throw std::runtime_error(loaded.error().message());
    if (store.in_place_bytes() > 0) throw std::runtime_error("the device reads the file in place: nothing is copied");
    std::vector<std::byte> last(kTensorBytes);
    const Status read = queue.read(store.find(tensors.back(), "").span(), last);
    if (!read.has_value() || !std::ranges::equal(last, tensors.back().bytes))
      throw std::runtime_error("what arrived is something else");
  }
  ::munmap(at, bytes);
  return seconds;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) {
    fmt::print(stderr, "weight_upload_bench PLUGIN DEVICE FOLDER [MIB]\n");
    return 2;
  }
  PluginSearch search;
  search.paths = {argv[1]};
  search.use_environment = search.use_default_dirs = false;
  HostCallbacks callbacks;
  callbacks.ops = op_names();
  const auto registry = PluginRegistry::discover(search, std::move(callbacks));
  auto device = registry->open(argv[2]);
  if (!device.has_value()) throw std::runtime_error(device.error().message());
  auto queue = (*device)->create_queue();
  if (!queue.has_value()) throw std::runtime_error(queue.error().message());
  const uint64_t n_tensors = std::max<uint64_t>(argc > 4 ? std::strtoull(argv[4], nullptr, 10) / 16 : 128, 1);
  const std::string path = std::string(argv[3]) + "/weight_upload_bench.bin";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error(path + " cannot be made");
  ::unlink(path.c_str());
  write_file(file, n_tensors);
  const uint64_t bytes = n_tensors * kTensorBytes;
  fmt::print("{} on {}, {} MiB; a ring {}\n", argv[1], argv[2], bytes >> 20,
             WeightUpload::pays(**device) ? "pays there" : "does not pay there");
  for (int round = 0; round < 3; ++round) {
    for (const bool cold : {false, true}) {
      for (const bool staged : {false, true}) {
        const double seconds = load_seconds(**device, *queue, file, bytes, staged, cold);
        fmt::print("{:<5} {:<9} {:6.2f} GB/s\n", cold ? "cold" : "warm", staged ? "ring" : "straight",
                   static_cast<double>(bytes) / seconds / 1e9);
      }
    }
  }
  ::close(file);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "weight_upload_bench: {}\n", error.what());
  return 1;
}
