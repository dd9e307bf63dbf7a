// softmax(scale q·k …) v for one head of one row, an item each, in one pass over the keys (Milakov and Gimelshein 2018:
// the sum and the result so far are scaled down when a larger score comes). y serves as the accumulator.
//   q, k, v, table, seq_start, seq_len, mask, sinks, alibi, y in p9
//   n[1] H  n[2] Hk  n[3] D  n[4] Dv (of y)  n[5] elements of v's rows  n[6] S  n[7] max_pages  n[8] page, 0 = keys lie one
//   after another from seq_len[s] on  n[9] pages  n[10] dtype of k and v  n[11] window  n[12] causal  n[13] columns of mask
//   f[0] scale  f[1] softcap
kernel void attention(PARAMS) {
  ITEM(i);
  const long H = a.n[1], Hk = a.n[2], D = a.n[3], Dv = a.n[4], S = a.n[6], page = a.n[8];
  const long t = i / H, h = i % H, hk = h * Hk / H;
  const int dtype = a.n[10];
  global const float* q = AT(float, 0) + i * D;
  global float* y = AT(float, 9) + i * Dv;
  global const int *start = AT(int, 4), *len = AT(int, 5);
  for (long d = 0; d < Dv; ++d) y[d] = 0;
  long s = 0;
  while (s < S && (t < start[s] || t >= start[s + 1])) ++s;
  if (s == S) return;
  const long n_keys = page ? len[s] : len[s + 1] - len[s];
  const long position = n_keys - (start[s + 1] - start[s]) + t - start[s];
  const long first = a.n[11] > 0 ? max(position - a.n[11] + 1, 0L) : 0;
  const long end = a.n[12] ? min(position + 1, n_keys) : n_keys;
  float top = HAS(7) ? AT(float, 7)[h] : -INFINITY;
  float total = HAS(7) ? 1 : 0;
  for (long j = first; j < end; ++j) {
    long row = len[s] + j;
    if (page) {
      const long id = AT(int, 3)[s * a.n[7] + j / page];
      if (id < 0 || id >= a.n[9]) continue;
      row = (id * Hk + hk) * page + j % page;
    } else {
      row = row * Hk + hk;
    }
    float score = 0;
    for (long d = 0; d < D; ++d) score += q[d] * load_plain(AT(uchar, 1), row * D + d, dtype);
    score *= a.f[0];
    if (a.f[1] > 0) score = a.f[1] * tanh(score / a.f[1]);
    if (HAS(8)) score += AT(float, 8)[h] * (float)(j - position);
    if (HAS(6) && j < a.n[13]) score += AT(float, 6)[t * a.n[13] + j];
    if (score == -INFINITY) continue;
    if (score > top) {
      const float shrink = top == -INFINITY ? 0 : exp(top - score);
      total *= shrink;
      for (long d = 0; d < Dv; ++d) y[d] *= shrink;
      top = score;
    }
    const float p = exp(score - top);
    total += p;
    for (long d = 0; d < Dv; ++d) y[d] += p * load_plain(AT(uchar, 2), row * a.n[5] + d, dtype);
  }
  if (total > 0) {
    for (long d = 0; d < Dv; ++d) y[d] /= total;
  }
}
