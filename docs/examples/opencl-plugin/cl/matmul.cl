// y[m, n] = sum over k of x[m, k] w[n, k]. An item computes one n for four rows of x: each weight is decoded once for
// them. The sum is in order of k, whatever the rows beside it: a row has the same bits in every batch.
//   n[1] M   n[2] N   n[3] K   n[4] dtype of w

// 32 elements of a row of w from k on, or as many as are left; `row` begins a whole number of blocks into w.
int decode(global const uchar* w, long row, long k, long K, int dtype, float* out) {
  const int count = min(K - k, 32L);
  if (dtype == Q8_0) {
    global const uchar* b = w + (row * K + k) / 32 * 34;
    const float d = vload_half(0, (global const half*)b);
    for (int i = 0; i < 32; ++i) out[i] = d * (float)((global const char*)b)[2 + i];
  } else if (dtype == Q4_0) {
    global const uchar* b = w + (row * K + k) / 32 * 18;
    const float d = vload_half(0, (global const half*)b);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * (float)((b[2 + i] & 15) - 8);
      out[i + 16] = d * (float)((b[2 + i] >> 4) - 8);
    }
  } else {
    for (int i = 0; i < count; ++i) out[i] = load(w, row * K + k + i, dtype);
  }
  return count;
}

// y[0..3] = rows of x (as many as n_rows, `x_stride` floats apart) times row `row` of w
void dot4(global const float* x, long x_stride, int n_rows, global const uchar* w, long row, long K, int dtype, float* y) {
  float part[32];
  for (int r = 0; r < 4; ++r) y[r] = 0;
  for (long k = 0; k < K; k += 32) {
    const int count = decode(w, row, k, K, dtype, part);
    for (int r = 0; r < n_rows; ++r) {
      float sum = y[r];
      for (int i = 0; i < count; ++i) sum += x[r * x_stride + k + i] * part[i];
      y[r] = sum;
    }
  }
}

kernel void matmul(PARAMS) {
  ITEM(i);
  const long M = a.n[1], N = a.n[2], K = a.n[3], n = i % N, m = i / N * 4;
  const int n_rows = min(M - m, 4L);
  float y[4];
  dot4(AT(float, 0) + m * K, K, n_rows, AT(uchar, 1), n, K, a.n[4], y);
  for (int r = 0; r < n_rows; ++r) AT(float, 2)[(m + r) * N + n] = y[r];
}

// y = r + x w^T; n[5]: floats between rows of r, 0 = one row for all
kernel void matmul_add(PARAMS) {
  ITEM(i);
  const long M = a.n[1], N = a.n[2], K = a.n[3], n = i % N, m = i / N * 4;
  const int n_rows = min(M - m, 4L);
  float y[4];
  dot4(AT(float, 0) + m * K, K, n_rows, AT(uchar, 1), n, K, a.n[4], y);
  for (int r = 0; r < n_rows; ++r) AT(float, 3)[(m + r) * N + n] = y[r] + AT(float, 2)[(m + r) * a.n[5] + n];
}

// y = silu(x wg^T) * (x wu^T); n[5]: dtype of wu
kernel void matmul_silu_mul(PARAMS) {
  ITEM(i);
  const long M = a.n[1], N = a.n[2], K = a.n[3], n = i % N, m = i / N * 4;
  const int n_rows = min(M - m, 4L);
  float g[4], u[4];
  dot4(AT(float, 0) + m * K, K, n_rows, AT(uchar, 1), n, K, a.n[4], g);
  dot4(AT(float, 0) + m * K, K, n_rows, AT(uchar, 2), n, K, a.n[5], u);
  for (int r = 0; r < n_rows; ++r) AT(float, 3)[(m + r) * N + n] = g[r] / (1.0f + exp(-g[r])) * u[r];
}

// One row of x and one matrix of a stack for each result row r = i / N:
//   n[5] = 0  batched:  matrix r % n[6], x row r
//   n[5] = 1  indexed:  matrix idx[r] of n[6], x row r / n[7]
//   n[5] = 2  grouped:  matrix e with offsets[e] <= r < offsets[e + 1], x row r
kernel void matmul_stack(PARAMS) {
  ITEM(i);
  const long N = a.n[2], K = a.n[3], n = i % N, r = i / N, count = a.n[6];
  long e = r % count;
  if (a.n[5] == 1) e = AT(int, 2)[r];
  if (a.n[5] == 2) {
    e = 0;
    while (e < count && r >= AT(int, 2)[e + 1]) ++e;
    if (r < AT(int, 2)[0]) e = -1;
  }
  float y[4] = {0, 0, 0, 0};
  if (e >= 0 && e < count) dot4(AT(float, 0) + r / a.n[7] * K, K, 1, AT(uchar, 1), e * N + n, K, a.n[4], y);
  AT(float, 3)[i] = y[0];
}
