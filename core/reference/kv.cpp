// The paged KV cache [P, Hk, page, D]: rows written by slot, and read back in order.
#include <algorithm>
#include <cmath>

#include "reference/call.h"

namespace bp {
namespace {

// One row as the cache's dtype has it; returns its scale (1 of float caches).
float quantise_row(DType dtype, std::vector<float>& row) {
  if (is_float(dtype)) return 1.0f;
  const float limit = largest_magnitude(dtype);
  float top = 0;
  for (const float value : row) top = std::max(top, std::fabs(value));
  const float scale = top / limit;
  for (float& value : row) value = scale == 0.0f ? 0.0f : std::clamp(value / scale, -limit, limit);
  return scale;
}

}  // namespace

Status ref_kv_write(const RefCall& call) {
  const RefTensor &fresh = call.in[1], &slots = call.in[2], &cache = call.out[0];
  const int64_t pages = cache.dims[0], heads = cache.dims[1], page = cache.dims[2];
  copy_bytes(call.in[0], cache);
  if (call.has(3)) copy_bytes(call.in[3], call.out[1]);
  for (int64_t t = 0; t < slots.dims[0]; ++t) {
    const int64_t slot = read_int(slots, t);
    if (slot < 0 || slot >= pages * page) continue;
    for (int64_t head = 0; head < heads; ++head) {
      std::vector<float> row = read_row(fresh, t * heads + head);
      const int64_t place = (slot / page * heads + head) * page + slot % page;
      const float scale = quantise_row(cache.dtype, row);
      write_row(cache, place, row);
      if (call.has(3)) write_floats(call.out[1], place, 1, &scale);
    }
  }
  return {};
}

Status ref_kv_gather(const RefCall& call) {
  const RefTensor &cache = call.in[0], &table = call.in[1], &y = call.out[0];
  const int64_t pages = cache.dims[0], heads = cache.dims[1], page = cache.dims[2], max_pages = table.dims[1];
  BP_TRY(const std::vector<int64_t> start, read_offsets(call, call.in[2], y.dims[0]));
  const std::vector<float> zeros(static_cast<size_t>(row_size(y)), 0.0f);
  for (int64_t i = 0; i < n_rows(y); ++i) write_row(y, i, zeros);
  for (size_t s = 0; s + 1 < start.size(); ++s) {
    if (start[s + 1] - start[s] > max_pages * page) return call.error("a sequence is longer than its pages");
    for (int64_t j = 0; j < start[s + 1] - start[s]; ++j) {
      const int64_t id = read_int(table, static_cast<int64_t>(s) * max_pages + j / page);
      if (id < 0 || id >= pages) continue;
      for (int64_t head = 0; head < heads; ++head) {
        const int64_t place = (id * heads + head) * page + j % page;
        std::vector<float> row = read_row(cache, place);
        float scale = 1;
        if (call.has(3)) read_floats(call.in[3], place, 1, &scale);
        for (float& value : row) value *= scale;
        write_row(y, (start[s] + j) * heads + head, row);
      }
    }
  }
  return {};
}

}  // namespace bp
