#include <cstring>

#include "kernels/matmul.h"

namespace bp::cpu {

void pack_x_f32(const MatmulX& args) {
  auto* out = reinterpret_cast<float*>(args.out);
  const int64_t padded = (args.k + 1) / 2 * 2;
  if (args.rows == 1) {
    std::memcpy(out, args.row(0), static_cast<size_t>(args.k) * sizeof(float));
    if (padded > args.k) out[args.k] = 0;
    return;
  }
  constexpr int64_t kPiece = 64;  // of k, so that what is written stays in the first cache
  for (int64_t begin = 0; begin < padded; begin += kPiece) {
    const int64_t end = begin + kPiece < padded ? begin + kPiece : padded;
    for (int64_t r = 0; r < args.rows; ++r) {
      const float* x = args.row(r);
      for (int64_t k = begin; k < end; ++k) out[k * args.rows + r] = k < args.k ? x[k] : 0.0f;
    }
  }
}

}  // namespace bp::cpu
