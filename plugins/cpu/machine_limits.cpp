#include "machine_limits.h"

#include <unistd.h>
#include <backplane/plugin.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <new>
#include <vector>

#include "device.h"
#include "kernels/sweep.h"
#include "memory.h"
#include "one_dnn.h"

namespace bp::cpu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kMeasureSeconds = 0.5;

// The shortest of the runs that fit into the time, after one to warm up.
template <class F>
double best_seconds(F run) {
  run();
  double best = 1e30;
  const auto begin = Clock::now();
  do {
    const auto start = Clock::now();
    run();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  } while (std::chrono::duration<double>(Clock::now() - begin).count() < kMeasureSeconds);
  return best;
}

bp_status read_bandwidth(bp_device* device, double* bytes_per_s, bp_err* err) noexcept {
  const auto cache = static_cast<uint64_t>(std::max<long>(::sysconf(_SC_LEVEL3_CACHE_SIZE), 32 << 20));
  const uint64_t bytes =
      std::clamp<uint64_t>(4 * cache, uint64_t{256} << 20, uint64_t{1} << 30) / (1 << 20) * (1 << 20);
  bp_alloc request{};
  request.struct_size = sizeof(request);
  request.bytes = bytes;
  bp_mem* memory = nullptr;
  if (const bp_status status = memory_alloc(device, &request, &memory, nullptr, err); status != BP_OK) return status;
  const int64_t n = device->team->size();
  const auto share = [&](int64_t thread) { return static_cast<int64_t>(bytes) / 4096 * thread / n * 4096; };
  device->team->run_all([&](int64_t thread) {
    for (int64_t i = share(thread); i < share(thread + 1); ++i) memory->bytes[i] = static_cast<std::byte>(i * 37 % 61);
  });
  const auto read = device->isa >= IsaLevel::kAvx512 ? avx512::sweep : avx2::sweep;
  std::atomic<float> kept{0};
  const double seconds = best_seconds([&] {
    device->team->run_all(
        [&](int64_t thread) { kept = read(memory->bytes + share(thread), share(thread + 1) - share(thread)); });
  });
  memory_free(device, memory);
  *bytes_per_s = static_cast<double>(bytes) / seconds;
  return BP_OK;
}

// Small whole numbers, so that every type holds them; never zeros, which some hardware multiplies faster.
void fill(std::vector<std::byte>& out, DnnType type, bool weights) {
  uint32_t state = weights ? 1 : 2;
  const size_t size = type == DnnType::kF32 ? 4 : type == DnnType::kBf16 ? 2 : 1;
  for (size_t i = 0; i < out.size(); i += size) {
    state = state * 1664525u + 1013904223u;
    const int value = static_cast<int>(state >> 24) % 63 + 1;
    const auto real = static_cast<float>(value) / 64.0f;
    uint32_t bits;
    std::memcpy(&bits, &real, 4);
    if (type == DnnType::kBf16) bits >>= 16;
    if (type == DnnType::kU8S8) bits = static_cast<uint32_t>(value);
    std::memcpy(&out[i], &bits, size);
  }
}

bp_status matrix_rate(bp_device* device, uint32_t dtype, double* ops_per_s, bp_err* err) noexcept {
  const bool known =
      dtype == BP_DT_F32 || dtype == BP_DT_I8 || (dtype == BP_DT_BF16 && device->isa >= IsaLevel::kAvx512Bf16);
  if (!known) return plugin::set_error(err, BP_E_UNSUPPORTED, "no fast path for this type");
  try {
    constexpr int64_t kSize = 2048;
    const DnnType type = dtype == BP_DT_F32 ? DnnType::kF32 : dtype == BP_DT_BF16 ? DnnType::kBf16 : DnnType::kU8S8;
    const uint64_t element = type == DnnType::kF32 ? 4 : type == DnnType::kBf16 ? 2 : 1;
    one_dnn_set_up(device->isa, static_cast<int>(device->team->size()));
    const auto product = DnnProduct::create({type, kSize, kSize, kSize, true});
    if (product == nullptr) return plugin::set_error(err, BP_E_UNSUPPORTED, "oneDNN has no product of this type");
    std::vector<std::byte> x(kSize * kSize * element), w(kSize * kSize * element), y(kSize * kSize * 4);
    std::vector<std::byte> packed(product->packed_bytes()), scratch(product->scratch_bytes());
    fill(x, type, false);
    fill(w, type, true);
    product->pack(w.data(), packed.data());
    const double seconds = best_seconds([&] { product->run(x.data(), packed.data(), y.data(), scratch.data()); });
    *ops_per_s = 2.0 * kSize * kSize * kSize / seconds;
    return BP_OK;
  } catch (const std::exception& e) {
    return plugin::set_error(err, BP_E_INTERNAL, "%s", e.what());
  }
}

}  // namespace

const bp_ext_x_limits kLimits = {sizeof(bp_ext_x_limits), 0, read_bandwidth, matrix_rate};

}  // namespace bp::cpu
