// Times the matmul rows of cpu.so on the shapes of a 1b model against the limits measured in the same run.
//   cpu_matmul_bench [formats, "q8_0,q4_0"] [isa, "auto"] [threads, 2] [largest N, 128256]
// Best of several runs each, since other work on the machine only ever makes a run slower. One row of x reads weights
// that lie in no cache.
#include <backplane/x_limits.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include "random_weight.h"
#include "tiny_host.h"

namespace bp::tiny {
namespace {

using Clock = std::chrono::steady_clock;

struct TimedFormat {
  const char* name;
  uint16_t dtype;
  uint32_t rate;  // of which type
};
constexpr TimedFormat kTimed[] = {
    {"f32", BP_DT_F32, BP_DT_F32},   {"f16", BP_DT_F16, BP_DT_F32},      {"bf16", BP_DT_BF16, BP_DT_BF16},
    {"q8_0", BP_DT_Q8_0, BP_DT_I8},  {"q4_0", BP_DT_Q4_0, BP_DT_I8},     {"q4_1", BP_DT_Q4_1, BP_DT_I8},
    {"q5_0", BP_DT_Q5_0, BP_DT_I8},  {"q5_1", BP_DT_Q5_1, BP_DT_I8},     {"q2_k", BP_DT_Q2_K, BP_DT_I8},
    {"q3_k", BP_DT_Q3_K, BP_DT_I8},  {"q4_k", BP_DT_Q4_K, BP_DT_I8},     {"q5_k", BP_DT_Q5_K, BP_DT_I8},
    {"q6_k", BP_DT_Q6_K, BP_DT_I8},  {"iq4_nl", BP_DT_IQ4_NL, BP_DT_I8}, {"iq4_xs", BP_DT_IQ4_XS, BP_DT_I8},
    {"mxfp4", BP_DT_MXFP4, BP_DT_I8}};
struct Shape {
  int64_t n, k;
};
constexpr Shape kShapes[] = {{2048, 2048}, {512, 2048}, {8192, 2048}, {2048, 8192}, {128256, 2048}};
constexpr int64_t kColdBytes = 1 << 30;  // more than caches hold

double seconds_of(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Some rows of random blocks, again and again: their content does not matter, but no block is all zeros.
std::vector<std::byte> random_file(const TimedFormat& format, const Shape& shape) {
  constexpr int64_t kRowsMade = 16;
  const Weight some = random_weight(format.dtype, kRowsMade, shape.k, 1);
  std::vector<std::byte> file(some.file.size() * static_cast<size_t>(shape.n / kRowsMade));
  for (size_t at = 0; at < file.size(); at += some.file.size())
    std::memcpy(&file[at], some.file.data(), some.file.size());
  return file;
}

class Bench {
 public:
  Bench(Device& device, const TimedFormat& format, const Shape& shape) : device_(device), shape_(shape) {
    const auto file = random_file(format, shape);
    const std::string layout = "cpu.r16@1";
    const int64_t copies = std::clamp<int64_t>(kColdBytes / static_cast<int64_t>(file.size()), 1, 512);
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
      bounds_.push_back(std::make_unique<Bound>(device, "cpu.matmul", std::vector{x, w, y}, kRows));
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
  Shape shape_;
  std::unique_ptr<Memory> x_, y_;
  std::vector<std::unique_ptr<Memory>> weights_;
  std::vector<std::unique_ptr<Bound>> bounds_;
  double bytes_ = 0;
  double pack_seconds_ = 1e30;
};

void report(Device& device, const TimedFormat& format, const bp_ext_x_limits& limits, int64_t largest_n) {
  bp_err err{};
  double bandwidth = 0, rate = 0;
  limits.read_bandwidth(device.handle(), &bandwidth, &err);
  limits.matrix_rate(device.handle(), format.rate, &rate, &err);
  std::printf("%s: bandwidth %.1f GB/s, matrix rate %.0f GOP/s\n", format.name, bandwidth / 1e9, rate / 1e9);
  for (const Shape& shape : kShapes) {
    if (shape.n > largest_n) continue;
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
  for (const TimedFormat& format : kTimed) {
    if (("," + formats + ",").find(std::string(",") + format.name + ",") != std::string::npos)
      report(device, format, *limits, argc > 4 ? std::atoll(argv[4]) : INT64_MAX);
  }
  return 0;
}
