// Times the matmul rows of cpu.so on the shapes of a 1b model against the limits measured in the same run.
//   cpu_matmul_bench [formats, "q8_0,q4_0"] [isa, "auto"] [threads, 2]
// Best of several runs each, since other work on the machine only ever makes a run slower. One row of x reads weights
// that lie in no cache.
#include <backplane/x_limits.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>

#include "tiny_host.h"

namespace bp::tiny {
namespace {

using Clock = std::chrono::steady_clock;

struct Format {
  const char* name;
  uint16_t dtype;
  int bits_per_32;  // bytes of 32 values
  uint32_t rate;    // of which type
};
constexpr Format kFormats[] = {{"f32", BP_DT_F32, 128, BP_DT_F32},   {"f16", BP_DT_F16, 64, BP_DT_F32},
                               {"bf16", BP_DT_BF16, 64, BP_DT_BF16}, {"q8_0", BP_DT_Q8_0, 34, BP_DT_I8},
                               {"q4_0", BP_DT_Q4_0, 18, BP_DT_I8},   {"q4_1", BP_DT_Q4_1, 20, BP_DT_I8}};
struct Shape {
  int64_t n, k;
};
constexpr Shape kShapes[] = {{2048, 2048}, {512, 2048}, {8192, 2048}, {2048, 8192}, {128256, 2048}};
constexpr int64_t kColdBytes = 192 << 20;

double seconds_of(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Any bytes, with scales and floats near one.
std::vector<std::byte> random_file(const Format& format, int64_t count) {
  std::vector<std::byte> file(static_cast<size_t>(count / 32 * format.bits_per_32));
  std::mt19937_64 random(1);
  for (size_t i = 0; i + 8 <= file.size(); i += 8) {
    const uint64_t word = random();
    std::memcpy(&file[i], &word, 8);
  }
  const uint16_t half = 0x1c00;
  const size_t step = format.dtype == BP_DT_F32 ? 4
                      : format.rate == BP_DT_I8 ? static_cast<size_t>(format.bits_per_32)
                                                : 2;
  for (size_t i = 0; i + step <= file.size(); i += step) {
    if (format.rate == BP_DT_I8) {
      std::memcpy(&file[i], &half, 2);
      if (format.dtype == BP_DT_Q4_1) std::memcpy(&file[i + 2], &half, 2);
    } else {
      auto& top = file[i + step - 1];  // the exponent's upper bits
      top = (top & std::byte{0x80}) | std::byte{0x3c};
    }
  }
  return file;
}

class Bench {
 public:
  Bench(Device& device, const Format& format, const Shape& shape) : device_(device), format_(format), shape_(shape) {
    const auto file = random_file(format, shape.n * shape.k);
    const std::string layout = std::string("cpu.") + format.name + "_r16@1";
    const int64_t copies = std::clamp<int64_t>(kColdBytes / static_cast<int64_t>(file.size()), 1, 32);
    x_ = std::make_unique<Memory>(device, static_cast<uint64_t>(kRows * shape.k * 4));
    y_ = std::make_unique<Memory>(device, static_cast<uint64_t>(kRows * shape.n * 4));
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < kRows * shape.k; ++i) reinterpret_cast<float*>(x_->data())[i] = normal(random);
    for (int64_t i = 0; i < copies; ++i) {
      Operand w{format.dtype, {shape.n, shape.k}};
      const auto begin = Clock::now();
      weights_.push_back(pack(device, layout, w, file.data()));
      pack_seconds_ = std::min(pack_seconds_, seconds_of(begin));
      w.layout = device.intern(layout);
      w.span = weights_.back()->span();
      const Operand x{BP_DT_F32, {-1, shape.k}, 0, x_->span()};
      const Operand y{BP_DT_F32, {-1, shape.n}, 0, y_->span()};
      bounds_.push_back(
          std::make_unique<Bound>(device, std::string("cpu.matmul_") + format.name, std::vector{x, w, y}, kRows));
    }
    bytes_ = static_cast<double>(file.size());
  }

  // One launch over `rows` rows of x, at best.
  double seconds(int64_t rows, double at_most) {
    double best = 1e30;
    const auto begin = Clock::now();
    for (size_t i = 0; i < 2 || seconds_of(begin) < at_most; ++i) {
      const auto start = Clock::now();
      bounds_[i % bounds_.size()]->launch(rows);
      best = std::min(best, seconds_of(start));
    }
    return best;
  }
  double bytes() const { return bytes_; }
  double pack_seconds() const { return pack_seconds_; }
  static constexpr int64_t kRows = 512;

 private:
  Device& device_;
  Format format_;
  Shape shape_;
  std::unique_ptr<Memory> x_, y_;
  std::vector<std::unique_ptr<Memory>> weights_;
  std::vector<std::unique_ptr<Bound>> bounds_;
  double bytes_ = 0;
  double pack_seconds_ = 1e30;
};

void report(Device& device, const Format& format, const bp_ext_x_limits& limits) {
  bp_err err{};
  double bandwidth = 0, rate = 0;
  limits.read_bandwidth(device.handle(), &bandwidth, &err);
  limits.matrix_rate(device.handle(), format.rate, &rate, &err);
  std::printf("%s: bandwidth %.1f GB/s, matrix rate %.0f GOP/s\n", format.name, bandwidth / 1e9, rate / 1e9);
  for (const Shape& shape : kShapes) {
    Bench bench(device, format, shape);
    const double one = bench.seconds(1, 0.15);
    const double eight = bench.seconds(8, 0.15);
    const double many = shape.n > 100000 ? 0 : bench.seconds(Bench::kRows, 0.3);
    const double ops = 2.0 * static_cast<double>(shape.n * shape.k);
    std::printf(
        "  N %6ld K %5ld | 1 row %6.1f GB/s %3.0f %% | 8 rows %4.0f GOP/s, %.2f x the tokens/s | 512 rows %5.0f GOP/s "
        "%3.0f %% | pack %.1f GB/s\n",
        shape.n, shape.k, bench.bytes() / one / 1e9, 100 * bench.bytes() / one / bandwidth, 8 * ops / eight / 1e9,
        8 * one / eight, many > 0 ? 512 * ops / many / 1e9 : 0.0,
        many > 0 && rate > 0 ? 100 * 512 * ops / many / rate : 0.0, bench.bytes() / bench.pack_seconds() / 1e9);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace bp::tiny

int main(int argc, char** argv) {
  using namespace bp::tiny;
  const std::string formats = argc > 1 ? argv[1] : "q8_0,q4_0";
  Device device(BP_CPU_PLUGIN, {{"isa", argc > 2 ? argv[2] : "auto"}, {"threads", argc > 3 ? argv[3] : "2"}});
  const auto* limits = static_cast<const bp_ext_x_limits*>(device.api().ext(device.handle(), BP_EXT_X_LIMITS));
  if (limits == nullptr) return 1;
  for (const Format& format : kFormats) {
    if (("," + formats + ",").find(std::string(",") + format.name + ",") != std::string::npos)
      report(device, format, *limits);
  }
  return 0;
}
