// Elements and rows moved: each thread moves some elements, a grid apart. Bound by memory.
// test  tests/conformance/{shape,index,gather_rows,dequant}.cpp
#include "indexing.h"

#include "numbers.h"

namespace bp::gpu {
namespace {

template <class T>
__global__ void strided_kernel(StridedArgs a) {
  for_each(a.n.value(), [&](int64_t i) {
    int64_t at[kMaxRank] = {};  // in x
    int64_t rest = i;
    for (int d = a.y_shape.rank - 1; d >= 0; --d) {
      const int64_t size = a.y_shape.dim[d].value();
      if (a.x_axis[d] >= 0) at[a.x_axis[d]] = rest % size;
      rest /= size;
    }
    if (a.sliced_axis >= 0) at[a.sliced_axis] = a.start + at[a.sliced_axis] * a.step;
    int64_t from = 0;
    for (int d = 0; d < a.x_shape.rank; ++d) from = from * a.x_shape.dim[d].value() + at[d];
    static_cast<T*>(a.y)[i] = static_cast<const T*>(a.x)[from];
  });
}

template <class T>
__global__ void concat_kernel(ConcatArgs a) {
  const int64_t inner = a.inner.value();
  int64_t all = 0;
  for (int k = 0; k < a.n_parts; ++k) all += a.parts[k].value();
  for_each(a.outer.value() * all * inner, [&](int64_t i) {
    const int64_t row = i / (all * inner);
    int64_t column = i % (all * inner) / inner;
    int k = 0;
    for (; column >= a.parts[k].value(); ++k) column -= a.parts[k].value();
    const int64_t from = (row * a.parts[k].value() + column) * inner + i % inner;
    static_cast<T*>(a.y)[i] = static_cast<const T*>(a.x[k])[from];
  });
}

__global__ void iota_kernel(int32_t* y, Extent n) {
  for_each(n.value(), [&](int64_t i) { y[i] = static_cast<int32_t>(i); });
}

template <int kType>
__global__ void gather_rows_kernel(GatherRowsArgs a) {
  const int64_t n_table = a.n_table.value();
  for_each(a.n.value() * a.row_elements, [&](int64_t i) {
    const int64_t row = a.rows[i / a.row_elements];
    const bool inside = row >= 0 && row < n_table;
    const auto* from = static_cast<const uint8_t*>(a.table) + row * a.row_bytes;
    static_cast<float*>(a.y)[i] = inside ? element<kType>(from, i % a.row_elements) : 0.0f;
  });
}

__global__ void gather_bytes_kernel(GatherRowsArgs a) {
  const int64_t n_table = a.n_table.value();
  for_each(a.n.value() * a.row_bytes, [&](int64_t i) {
    const int64_t row = a.rows[i / a.row_bytes];
    const bool inside = row >= 0 && row < n_table;
    static_cast<uint8_t*>(a.y)[i] =
        inside ? static_cast<const uint8_t*>(a.table)[row * a.row_bytes + i % a.row_bytes] : uint8_t{0};
  });
}

__global__ void scatter_rows_kernel(ScatterRowsArgs a) {
  const int64_t n = a.n.value(), n_target = a.n_target.value(), words = a.row_bytes / 4;
  for_each(words, [&](int64_t column) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t to = a.rows[i];
      if (to < 0 || to >= n_target) continue;
      static_cast<uint32_t*>(a.target)[to * words + column] = static_cast<const uint32_t*>(a.src)[i * words + column];
    }
  });
}

template <class T>
__global__ void gather_last_kernel(LastArgs a) {
  const int64_t n = a.n.value(), k = a.k.value();
  for_each(a.rows.value() * k, [&](int64_t i) {
    const int64_t column = a.idx[i];
    const bool inside = column >= 0 && column < n;
    static_cast<T*>(a.y)[i] = inside ? static_cast<const T*>(a.x)[i / k * n + column] : T{0};
  });
}

// A block for each row; one thread scatters, since two indices may be equal.
template <class T>
__global__ void scatter_last_kernel(LastArgs a) {
  const int64_t n = a.n.value(), k = a.k.value(), rows = a.rows.value();
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    T* y = static_cast<T*>(a.y) + row * n;
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) y[i] = static_cast<const T*>(a.x)[row * n + i];
    __syncthreads();
    if (threadIdx.x == 0) {
      for (int64_t j = row * k; j < (row + 1) * k; ++j) {
        const int64_t column = a.idx[j];
        if (column >= 0 && column < n) y[column] = static_cast<const T*>(a.src)[j];
      }
    }
    __syncthreads();
  }
}

__device__ float any_element(int dtype, const void* data, int64_t row, int64_t columns, int64_t column) {
  const auto* from = static_cast<const uint8_t*>(data) + row * bytes_of(dtype, columns);
  return element_of(NumberTypes(), dtype, from, column);
}

__global__ void dequant_kernel(DequantArgs a) {
  const int64_t blocks = (a.k + a.block_k - 1) / a.block_k;
  for_each(a.n * a.k, [&](int64_t i) {
    const int64_t row = i / a.k, column = i % a.k;
    const int64_t p = a.perm != nullptr ? a.perm[column] : column;
    float y = 0.0f;
    if (p >= 0 && p < a.k) {
      const int64_t r = row / a.block_n, b = p / a.block_k;
      const float zero = a.zeros != nullptr ? any_element(a.zeros_dtype, a.zeros, r, blocks, b) : 0.0f;
      y = (any_element(a.w_dtype, a.w, row, a.k, p) - zero) * any_element(a.scales_dtype, a.scales, r, blocks, b);
    }
    store_float(a.y_dtype, a.y, i, y);
  });
}

}  // namespace

void strided_copy(Launch& at, const StridedArgs& args) {
  const auto kernel = args.bytes == 1   ? strided_kernel<uint8_t>
                      : args.bytes == 2 ? strided_kernel<uint16_t>
                      : args.bytes == 4 ? strided_kernel<uint32_t>
                                        : strided_kernel<uint64_t>;
  start(at, kernel, {blocks_for(args.n.bound())}, kBlock, args);
}

void concat(Launch& at, const ConcatArgs& args) {
  const auto kernel = args.unit == 1   ? concat_kernel<uint8_t>
                      : args.unit == 2 ? concat_kernel<uint16_t>
                      : args.unit == 4 ? concat_kernel<uint32_t>
                                       : concat_kernel<uint64_t>;
  int64_t all = 0;
  for (int k = 0; k < args.n_parts; ++k) all += args.parts[k].bound;
  start(at, kernel, {blocks_for(args.outer.bound() * all * args.inner.bound())}, kBlock, args);
}

void iota(Launch& at, int32_t* y, const Extent& n) { start(at, iota_kernel, {blocks_for(n.bound)}, kBlock, y, n); }

void gather_rows(Launch& at, const GatherRowsArgs& args) {
  const Grid grid{blocks_for(args.n.bound * args.row_elements)};
  const bool known = with_type(NumberTypes() + BlockTypes(), args.dtype, [&](auto type) {
    start(at, gather_rows_kernel<decltype(type)::value>, grid, kBlock, args);
  });
  if (!known) at.error = BP_GPU(ErrorInvalidValue);
}

void gather_rows_copy(Launch& at, const GatherRowsArgs& args) {
  start(at, gather_bytes_kernel, {blocks_for(args.n.bound * args.row_bytes)}, kBlock, args);
}

void scatter_rows(Launch& at, const ScatterRowsArgs& args) {
  start(at, scatter_rows_kernel, {blocks_for(args.row_bytes / 4)}, kBlock, args);
}

void gather_last(Launch& at, const LastArgs& args) {
  const auto kernel = args.bytes == 4 ? gather_last_kernel<uint32_t> : gather_last_kernel<uint64_t>;
  start(at, kernel, {blocks_for(args.rows.bound() * args.k.bound)}, kBlock, args);
}

void scatter_last(Launch& at, const LastArgs& args) {
  const auto kernel = args.bytes == 4 ? scatter_last_kernel<uint32_t> : scatter_last_kernel<uint64_t>;
  const int64_t rows = args.rows.bound();
  start(at, kernel, {rows < kMostBlocks ? rows : kMostBlocks}, kBlock, args);
}

void dequant(Launch& at, const DequantArgs& args) {
  start(at, dequant_kernel, {blocks_for(args.n * args.k)}, kBlock, args);
}

}  // namespace bp::gpu
