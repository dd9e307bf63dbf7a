// Every matmul path of the plugin against plain loops, each instruction set forced in turn.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "random_weight.h"
#include "tiny_host.h"

namespace bp::tiny {
namespace {

constexpr int64_t kMaxRows = 300;
constexpr const char* kLayout = "cpu.r16@1";

// One device for each instruction set, opened once: a lower set than asked for where the machine has less.
Device& device_of(const std::string& isa) {
  static std::map<std::string, std::unique_ptr<Device>> devices;
  auto& device = devices[isa];
  if (device == nullptr)
    device = std::make_unique<Device>(BP_CPU_PLUGIN, Options{{"isa", isa}, {"threads", "3"}, {"pin", "false"}});
  return *device;
}
const char* const kIsas[] = {"avx2", "avx512", "avx512_vnni", "avx512_bf16", "amx"};

bool multiplies_bf16(const std::string& isa) {
  const std::string arch = device_of(isa).info().arch;
  return arch == "avx512_bf16" || arch == "amx";
}

struct Shape {
  int64_t n, k;
};

// A matmul row with its memory; operands are x, the weights, then b where there is one, then y.
class Product {
 public:
  Product(const std::string& isa, const std::string& row, const std::vector<const Weight*>& weights,
          const std::vector<int64_t>& b)
      : device_(device_of(isa)), n_(weights[0]->n), k_(weights[0]->k) {
    x_ = add(BP_DT_F32, {-1, k_}, kMaxRows * k_ * 4);
    for (const Weight* weight : weights) {
      Operand operand{weight->dtype, {weight->n, weight->k}};
      memory_.push_back(pack(device_, kLayout, operand, weight->file.data()));
      operand.layout = device_.intern(kLayout);
      operand.span = memory_.back()->span();
      operands_.push_back(operand);
    }
    if (!b.empty()) b_ = add(BP_DT_F32, b, (b.size() == 1 ? 1 : kMaxRows) * n_ * 4);
    y_ = add(BP_DT_F32, {-1, n_}, kMaxRows * n_ * 4);
    bound_ = std::make_unique<Bound>(device_, row, operands_, kMaxRows);
  }

  void set_b(const std::vector<float>& b) { std::memcpy(b_, b.data(), b.size() * 4); }
  std::vector<float> run(const float* x, int64_t rows) {
    std::memcpy(x_, x, static_cast<size_t>(rows * k_) * 4);
    std::fill(y_, y_ + kMaxRows * n_, -77.0f);
    bound_->launch(rows);
    for (int64_t i = rows * n_; i < kMaxRows * n_; ++i) {
      if (y_[i] != -77.0f) ADD_FAILURE() << "wrote past row " << rows;
    }
    return {y_, y_ + rows * n_};
  }

 private:
  float* add(uint16_t dtype, const std::vector<int64_t>& dims, int64_t bytes) {
    memory_.push_back(std::make_unique<Memory>(device_, static_cast<uint64_t>(bytes)));
    operands_.push_back({dtype, dims, 0, memory_.back()->span()});
    return reinterpret_cast<float*>(memory_.back()->data());
  }

  Device& device_;
  int64_t n_, k_;
  std::vector<std::unique_ptr<Memory>> memory_;
  std::vector<Operand> operands_;
  float *x_ = nullptr, *b_ = nullptr, *y_ = nullptr;
  std::unique_ptr<Bound> bound_;
};

std::vector<double> plain(const Weight& w, const float* x, int64_t rows) {
  std::vector<double> y;
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t n = 0; n < w.n; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < w.k; ++k)
        sum += static_cast<double>(x[m * w.k + k]) * w.value[static_cast<size_t>(n * w.k + k)];
      y.push_back(sum);
    }
  }
  return y;
}

void round_to_bf16(std::vector<float>& x) {
  for (float& v : x) {
    uint32_t bits;
    std::memcpy(&bits, &v, 4);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    std::memcpy(&v, &bits, 4);
  }
}

// Blocks of 32, to 8 bits.
void round_blocks(std::vector<float>& x) {
  for (size_t begin = 0; begin < x.size(); begin += 32) {
    float largest = 0;
    for (size_t i = begin; i < begin + 32; ++i) largest = std::max(largest, std::abs(x[i]));
    for (size_t i = begin; i < begin + 32 && largest > 0; ++i) {
      x[i] = std::nearbyint(x[i] * (127.0f / largest)) * (largest / 127.0f);
    }
  }
}

// x as the kernels round it: to bf16 where that is multiplied and K is large; for quantised weights to 8 bits, and
// where K is small what that leaves once more.
std::vector<float> rounded(std::vector<float> x, const Weight& w, const std::string& isa) {
  if (w.dtype == BP_DT_BF16 && multiplies_bf16(isa) && w.k >= 2048) round_to_bf16(x);
  if (w.dtype == BP_DT_F32 || w.dtype == BP_DT_F16 || w.dtype == BP_DT_BF16) return x;
  std::vector<float> rest = x;
  round_blocks(x);
  if (w.k >= 2048) return x;
  for (size_t i = 0; i < x.size(); ++i) rest[i] -= x[i];
  round_blocks(rest);
  for (size_t i = 0; i < x.size(); ++i) x[i] += rest[i];
  return x;
}

void expect_near(const std::vector<float>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  double largest = 0;
  for (const double v : want) largest = std::max(largest, std::abs(v));
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], 1e-5 * largest + 1e-6) << "at " << i;
}

const Shape kShapes[] = {{1, 32}, {15, 64}, {16, 32}, {17, 96}, {33, 288}, {130, 160}, {16, 2048}};

// k in whole blocks, at least one.
int64_t whole_blocks(int64_t k, uint16_t dtype) {
  const int64_t block = block_elements(dtype);
  return std::max<int64_t>((k + block / 2) / block, 1) * block;
}
const int64_t kRows[] = {0, 1, 2, 3, 5, 12, 13, 31, 33, 257};

TEST(Matmul, EqualsPlainLoopsOnEveryInstructionSet) {
  for (const char* isa : kIsas) {
    for (const Format& format : all_formats()) {
      for (const Shape& shape : kShapes) {
        SCOPED_TRACE(std::string(isa) + " " + format.name + " n=" + std::to_string(shape.n) +
                     " k=" + std::to_string(shape.k));
        const int64_t k = whole_blocks(shape.k, format.dtype);
        const Weight w = random_weight(format.dtype, shape.n, k, 3);
        Product product(isa, "cpu.matmul", {&w}, {});
        const std::vector<float> x = random_floats(kMaxRows * k, 4);
        const int64_t most = shape.n == 33 ? 257 : 33;
        const std::vector<double> want = plain(w, rounded(x, w, isa).data(), most);
        for (const int64_t rows : kRows) {
          if (rows <= most) expect_near(product.run(x.data(), rows), {want.begin(), want.begin() + rows * w.n});
        }
      }
    }
  }
}

TEST(Matmul, TakesRowsOfPlainWeightsThatEndOddly) {
  for (const char* isa : kIsas) {
    for (const Format& format : kPlainFormats) {
      for (const Shape& shape : {Shape{1, 1}, Shape{3, 7}, Shape{31, 33}, Shape{20, 65}}) {
        SCOPED_TRACE(std::string(isa) + " " + format.name + " k=" + std::to_string(shape.k));
        const Weight w = random_weight(format.dtype, shape.n, shape.k, 5);
        Product product(isa, "cpu.matmul", {&w}, {});
        const std::vector<float> x = random_floats(kMaxRows * shape.k, 6);
        const std::vector<double> want = plain(w, rounded(x, w, isa).data(), 14);
        for (const int64_t rows : {1, 14})
          expect_near(product.run(x.data(), rows), {want.begin(), want.begin() + rows * w.n});
      }
    }
  }
}

// At small K, where activations keep 16 bits, and at large K; K that ends within a block too.
TEST(Matmul, ARowHasTheSameBitsWhateverTheBatch) {
  for (const char* isa : kIsas) {
    for (const Format& format : all_formats()) {
      for (const int64_t least_k : {512, 2048, 2090}) {
        const int64_t k = is_block(format.dtype) ? whole_blocks(least_k, format.dtype) : least_k;
        SCOPED_TRACE(std::string(isa) + " " + format.name + " k=" + std::to_string(k));
        const Weight w = random_weight(format.dtype, 35, k, 7);
        Product product(isa, "cpu.matmul", {&w}, {});
        const std::vector<float> x = random_floats(kMaxRows * w.k, 8);
        const std::vector<float> all = product.run(x.data(), kMaxRows);
        for (int64_t row = 0; row < kMaxRows; row += 23) {
          const std::vector<float> one = product.run(x.data() + row * w.k, 1);
          ASSERT_EQ(std::memcmp(one.data(), all.data() + row * w.n, static_cast<size_t>(w.n) * 4), 0) << row;
          const int64_t rows = std::min<int64_t>(1 + row % 34, kMaxRows - row);
          const std::vector<float> some = product.run(x.data() + row * w.k, rows);
          ASSERT_EQ(std::memcmp(some.data(), all.data() + row * w.n, some.size() * 4), 0) << row;
        }
      }
    }
  }
}

TEST(Matmul, QuantisedWeightsGiveTheSameBitsOnEveryInstructionSet) {
  for (const Format& format : kBlockFormats) {
    SCOPED_TRACE(format.name);
    const Weight w = random_weight(format.dtype, 50, whole_blocks(320, format.dtype), 9);
    const std::vector<float> x = random_floats(20 * w.k, 10);
    std::vector<std::vector<float>> results;
    for (const char* isa : kIsas) results.push_back(Product(isa, "cpu.matmul", {&w}, {}).run(x.data(), 20));
    for (const auto& result : results) EXPECT_EQ(std::memcmp(result.data(), results[0].data(), result.size() * 4), 0);
  }
}

TEST(Matmul, AddsABiasOrAResidual) {
  for (const char* isa : {"avx2", "amx"}) {
    for (const Format& format : all_formats()) {
      SCOPED_TRACE(std::string(isa) + " " + format.name);
      const Weight w = random_weight(format.dtype, 37, whole_blocks(128, format.dtype), 11);
      const std::vector<float> x = random_floats(kMaxRows * w.k, 12);
      const std::vector<float> b = random_floats(kMaxRows * w.n, 13);
      const std::vector<float> y = Product(isa, "cpu.matmul", {&w}, {}).run(x.data(), 40);
      Product bias(isa, "cpu.matmul_bias", {&w}, {w.n});
      bias.set_b({b.begin(), b.begin() + w.n});
      Product residual(isa, "cpu.matmul_add", {&w}, {-1, w.n});
      residual.set_b(b);
      const std::vector<float> with_bias = bias.run(x.data(), 40);
      const std::vector<float> with_residual = residual.run(x.data(), 40);
      for (size_t i = 0; i < y.size(); ++i) {
        ASSERT_EQ(with_bias[i], y[i] + b[i % static_cast<size_t>(w.n)]) << i;
        ASSERT_EQ(with_residual[i], y[i] + b[i]) << i;
      }
    }
  }
}

TEST(Matmul, GatesWithSilu) {
  for (const char* isa : {"avx2", "amx"}) {
    for (const Format& format : all_formats()) {
      SCOPED_TRACE(std::string(isa) + " " + format.name);
      const Weight wg = random_weight(format.dtype, 70, whole_blocks(96, format.dtype), 14);
      const Weight wu = random_weight(format.dtype, 70, whole_blocks(96, format.dtype), 15);
      const std::vector<float> x = random_floats(kMaxRows * wg.k, 16);
      const std::string name = "cpu.matmul";
      const std::vector<float> g = Product(isa, name, {&wg}, {}).run(x.data(), 29);
      const std::vector<float> u = Product(isa, name, {&wu}, {}).run(x.data(), 29);
      const std::vector<float> y = Product(isa, "cpu.matmul_silu_mul", {&wg, &wu}, {}).run(x.data(), 29);
      for (size_t i = 0; i < y.size(); ++i) {
        const double want = static_cast<double>(g[i]) / (1 + std::exp(-static_cast<double>(g[i]))) * u[i];
        ASSERT_NEAR(y[i], want, 1e-5 * std::abs(want) + 1e-6) << i;
      }
    }
  }
}

TEST(Matmul, ZerosAndNotANumberStayInTheirRow) {
  for (const char* isa : kIsas) {
    for (const Format& format : all_formats()) {
      SCOPED_TRACE(std::string(isa) + " " + format.name);
      const Weight w = random_weight(format.dtype, 20, whole_blocks(64, format.dtype), 17);
      Product product(isa, "cpu.matmul", {&w}, {});
      std::vector<float> x = random_floats(14 * w.k, 18);
      const std::vector<float> before = product.run(x.data(), 14);
      std::fill(x.begin() + 3 * w.k, x.begin() + 4 * w.k, 0.0f);
      std::fill(x.begin() + 5 * w.k, x.begin() + 6 * w.k, NAN);
      x[static_cast<size_t>(7 * w.k)] = INFINITY;
      const std::vector<float> after = product.run(x.data(), 14);
      for (size_t i = 0; i < after.size(); ++i) {
        const int64_t row = static_cast<int64_t>(i) / w.n;
        if (row == 3) {
          ASSERT_EQ(after[i], 0.0f);
        } else if (row != 5 && row != 7) {
          ASSERT_EQ(after[i], before[i]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace bp::tiny
