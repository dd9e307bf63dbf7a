// y[i, c] = table[rows[i], c] as f32; rows of n[1], the table has n[2], of dtype n[3]
kernel void gather_rows(PARAMS) {
  ITEM(i);
  const long c = i % a.n[1], row = AT(int, 1)[i / a.n[1]];
  const bool exists = row >= 0 && row < a.n[2];
  AT(float, 2)[i] = exists ? load(AT(uchar, 0), row * a.n[1] + c, a.n[3]) : 0.0f;
}
// The same of any plain type: elements of n[3] bytes.
kernel void gather_rows_bytes(PARAMS) {
  ITEM(i);
  const long c = i % a.n[1], row = AT(int, 1)[i / a.n[1]], bytes = a.n[3];
  if (row >= 0 && row < a.n[2]) copy_element(AT(uchar, 2), i, AT(uchar, 0), row * a.n[1] + c, bytes);
  else for (int b = 0; b < bytes; ++b) AT(uchar, 2)[i * bytes + b] = 0;
}

// y = rms_norm(x[rows], w), a group for a row; rows of n[1], x has n[3]. Backplane has no name for this fusion.
kernel void gather_rms_norm(PARAMS) {
  local float part[64];
  const long h = a.n[1], row = AT(int, 1)[get_group_id(0)];
  const bool exists = row >= 0 && row < a.n[3];
  global const float* x = AT(float, 0) + (exists ? row : 0) * h;
  global float* y = AT(float, 3) + get_group_id(0) * h;
  float squares = 0;
  for (long i = get_local_id(0); exists && i < h; i += 64) squares += x[i] * x[i];
  const float factor = 1.0f / sqrt(sum_of_group(part, squares) / (float)h + a.f[0]);
  for (long i = get_local_id(0); i < h; i += 64) {
    y[i] = exists ? x[i] * factor * (HAS(2) ? load_plain(AT(uchar, 2), i, a.n[2]) : 1.0f) : 0.0f;
  }
}

// target[rows[i], c] = src[i, c] in order of i: an item for a column. n[1] rows to write, n[2] in the target, n[3] bytes.
kernel void scatter_rows(PARAMS) {
  ITEM(c);
  for (long i = 0; i < a.n[1]; ++i) {
    const long row = AT(int, 1)[i];
    if (row >= 0 && row < a.n[2]) copy_element(AT(uchar, 0), row * a.n[0] + c, AT(uchar, 2), i * a.n[0] + c, a.n[3]);
  }
}

// y[.., j] = x[.., idx[.., j]]: n[1] columns of y, n[2] of x, n[3] bytes
kernel void gather_last(PARAMS) {
  ITEM(i);
  const long at = AT(int, 1)[i], row = i / a.n[1], bytes = a.n[3];
  if (at >= 0 && at < a.n[2]) copy_element(AT(uchar, 2), i, AT(uchar, 0), row * a.n[2] + at, bytes);
  else for (int b = 0; b < bytes; ++b) AT(uchar, 2)[i * bytes + b] = 0;
}

// y = x with src[.., j] at idx[.., j] in order of j: an item for a row
kernel void scatter_last(PARAMS) {
  ITEM(row);
  const long k = a.n[1], n = a.n[2];
  if (AT(uchar, 3) != AT(uchar, 0)) {
    for (long i = 0; i < n; ++i) copy_element(AT(uchar, 3), row * n + i, AT(uchar, 0), row * n + i, a.n[3]);
  }
  for (long j = 0; j < k; ++j) {
    const long at = AT(int, 1)[row * k + j];
    if (at >= 0 && at < n) copy_element(AT(uchar, 3), row * n + at, AT(uchar, 2), row * k + j, a.n[3]);
  }
}

// y[s] = mean of rows seq_start[s] .. seq_start[s + 1] - 1 of n[1]: an item for an element
kernel void segment_mean(PARAMS) {
  ITEM(i);
  const long h = a.n[1], s = i / h, c = i % h;
  const long begin = AT(int, 1)[s], end = AT(int, 1)[s + 1];
  float sum = 0;
  for (long row = begin; row < end; ++row) sum += AT(float, 0)[row * h + c];
  AT(float, 2)[i] = sum / (float)max(end - begin, 1L);
}

// Slots grouped by expert, in their order within one: n[0] = 1 item, n[1] slots, n[2] experts.
kernel void expert_sort(PARAMS) {
  ITEM(only);
  global const int* idx = AT(int, 0);
  long at = 0;
  for (int e = 0; e <= a.n[2]; ++e) {
    AT(int, 2)[e] = at;
    for (long i = 0; i < a.n[1]; ++i) {
      const bool outside = idx[i] < 0 || idx[i] >= a.n[2];
      if (e < a.n[2] ? idx[i] == e : outside) AT(int, 1)[at++] = i;
    }
  }
}

// z[t, c] = sum over r with order[r] / k = t, in order of j, of weights[t, j] y[r, c]: n[1] columns, n[2] = k, n[3] = T * k
kernel void moe_combine(PARAMS) {
  ITEM(i);
  const long t = i / a.n[1], c = i % a.n[1], k = a.n[2];
  float sum = 0;
  for (long j = 0; j < k; ++j) {
    long r = 0;
    while (r < a.n[3] && AT(int, 1)[r] != t * k + j) ++r;
    if (r < a.n[3]) sum += AT(float, 2)[t * k + j] * AT(float, 0)[r * a.n[1] + c];
  }
  AT(float, 3)[i] = sum;
}
