// A group of 64 for a row of n[1]; w and b of dtype n[2], n[3].
float sum_of_group(local float* part, float mine) {
  const int lane = get_local_id(0);
  part[lane] = mine;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int half_size = 32; half_size > 0; half_size /= 2) {
    if (lane < half_size) part[lane] += part[lane + half_size];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float sum = part[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return sum;
}

// y = x / sqrt(mean of x^2 + eps) * w
kernel void rms_norm(PARAMS) {
  local float part[64];
  const long h = a.n[1], row = get_group_id(0);
  global const float* x = AT(float, 0) + row * h;
  global float* y = AT(float, 2) + row * h;
  float squares = 0;
  for (long i = get_local_id(0); i < h; i += 64) squares += x[i] * x[i];
  const float factor = 1.0f / sqrt(sum_of_group(part, squares) / (float)h + a.f[0]);
  for (long i = get_local_id(0); i < h; i += 64) y[i] = x[i] * factor * (HAS(1) ? load_plain(AT(uchar, 1), i, a.n[2]) : 1.0f);
}

// s = r + x; y = rms_norm(s, w)
kernel void add_rms_norm(PARAMS) {
  local float part[64];
  const long h = a.n[1], row = get_group_id(0);
  global const float *r = AT(float, 0) + row * h, *x = AT(float, 1) + row * h;
  global float *s = AT(float, 3) + row * h, *y = AT(float, 4) + row * h;
  float squares = 0;
  for (long i = get_local_id(0); i < h; i += 64) {
    const float sum = r[i] + x[i];
    s[i] = sum;
    squares += sum * sum;
  }
  const float factor = 1.0f / sqrt(sum_of_group(part, squares) / (float)h + a.f[0]);
  for (long i = get_local_id(0); i < h; i += 64) y[i] = s[i] * factor * (HAS(2) ? load_plain(AT(uchar, 2), i, a.n[2]) : 1.0f);
}

kernel void layer_norm(PARAMS) {
  local float part[64];
  const long h = a.n[1], row = get_group_id(0);
  global const float* x = AT(float, 0) + row * h;
  global float* y = AT(float, 3) + row * h;
  float sum = 0;
  for (long i = get_local_id(0); i < h; i += 64) sum += x[i];
  const float mean = sum_of_group(part, sum) / (float)h;
  float squares = 0;
  for (long i = get_local_id(0); i < h; i += 64) squares += (x[i] - mean) * (x[i] - mean);
  const float factor = 1.0f / sqrt(sum_of_group(part, squares) / (float)h + a.f[0]);
  for (long i = get_local_id(0); i < h; i += 64) {
    y[i] = (x[i] - mean) * factor * (HAS(1) ? load_plain(AT(uchar, 1), i, a.n[2]) : 1.0f) +
           (HAS(2) ? load_plain(AT(uchar, 2), i, a.n[3]) : 0.0f);
  }
}
