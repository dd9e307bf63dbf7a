#include <cmath>

#include "reference/call.h"

namespace bp {

// Rotary positions: each pair (a, b) of columns becomes (a cos - b sin, a sin + b cos) of angle position * freqs[i].
Status ref_rope(const RefCall& call) {
  const RefTensor& x = call.in[0];
  const int64_t t = x.dims[0], h = x.dims[1];
  const int64_t half = call.attr_int("n_rot") / 2, offset = call.attr_int("offset");
  const bool interleaved = call.attr_int("mode") == 1;
  const float scale = call.attr_float("scale");
  for (int64_t row = 0; row < t; ++row) {
    const int64_t variant = call.has(3) ? read_int(call.in[3], row) : 0;
    const bool rotates = variant >= 0 && variant < n_rows(call.in[2]);
    const std::vector<float> freqs = rotates ? read_row(call.in[2], variant) : std::vector<float>();
    const auto position = static_cast<float>(read_int(call.in[1], row));
    for (int64_t head = 0; head < h; ++head) {
      std::vector<float> y = read_row(x, row * h + head);
      for (int64_t i = 0; rotates && i < half; ++i) {
        const float angle = position * freqs[static_cast<size_t>(i)];
        const float c = std::cos(angle) * scale, s = std::sin(angle) * scale;
        float& first = y[static_cast<size_t>(offset + (interleaved ? 2 * i : i))];
        float& second = y[static_cast<size_t>(offset + (interleaved ? 2 * i + 1 : i + half))];
        const float a = first, b = second;
        first = a * c - b * s;
        second = a * s + b * c;
      }
      write_row(call.out[0], row * h + head, y);
    }
  }
  return {};
}

}  // namespace bp
