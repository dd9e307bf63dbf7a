// oneDNN's matrix product, wrapped: the one file pair that sees the library, and where its exceptions end.
// Thread-safety: create on any thread; run by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "isa_level.h"

namespace bp::cpu {

// Limits the library to an instruction set and to this many threads. Before the first product.
void one_dnn_set_up(IsaLevel isa, int n_threads);

enum class DnnType : uint8_t { kF32, kBf16, kU8S8 };

//   y[m, n] = Σ_k x[m, k] w[n, k]     y f32 (of kU8S8: s32)
class DnnProduct {
 public:
  struct Shape {
    DnnType type;
    int64_t m, n, k;
    bool packed = false;  // the weights in the library's own layout, packed by pack(); else rows as the file has them
  };
  // Null where the library has no such product.
  static std::unique_ptr<DnnProduct> create(const Shape& shape);
  ~DnnProduct();

  uint64_t scratch_bytes() const;
  uint64_t packed_bytes() const;
  void pack(const void* w, void* out) const;
  void run(const void* x, const void* w, void* y, std::byte* scratch) const;

 private:
  struct Impl;
  explicit DnnProduct(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bp::cpu
