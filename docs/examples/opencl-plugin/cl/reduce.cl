// Over rows of n[1] f32, an item each: in the order of the reference.
enum { SUM, MEAN, MAXIMUM };
kernel void reduce(PARAMS) {
  ITEM(row);
  global const float* x = AT(float, 0) + row * a.n[1];
  float y = a.n[2] == MAXIMUM ? -INFINITY : 0;
  for (long i = 0; i < a.n[1]; ++i) y = a.n[2] == MAXIMUM ? (x[i] > y || isnan(x[i]) ? x[i] : y) : y + x[i];
  AT(float, 1)[row] = a.n[2] == MEAN ? y / (float)a.n[1] : y;
}

kernel void argmax(PARAMS) {
  ITEM(row);
  global const float* x = AT(float, 0) + row * a.n[1];
  int best = 0;
  float top = -INFINITY;
  for (long i = 0; i < a.n[1]; ++i) {
    if (x[i] > top) best = i, top = x[i];
  }
  AT(int, 1)[row] = best;
}

kernel void cumsum_float(PARAMS) {
  ITEM(row);
  float sum = 0;
  for (long i = row * a.n[1]; i < (row + 1) * a.n[1]; ++i) AT(float, 1)[i] = sum += AT(float, 0)[i];
}

// n[2]: the logarithm.
kernel void softmax(PARAMS) {
  ITEM(row);
  global const float* x = AT(float, 0) + row * a.n[1];
  global float* y = AT(float, 1) + row * a.n[1];
  float top = -INFINITY, sum = 0;
  for (long i = 0; i < a.n[1]; ++i) top = fmax(top, x[i]);
  if (a.n[2]) {
    for (long i = 0; i < a.n[1]; ++i) sum += exp(x[i] - top);
    const float log_sum = log(sum);
    for (long i = 0; i < a.n[1]; ++i) y[i] = x[i] - top - log_sum;
    return;
  }
  if (top == -INFINITY) {
    for (long i = 0; i < a.n[1]; ++i) y[i] = 0;
    return;
  }
  for (long i = 0; i < a.n[1]; ++i) sum += y[i] = exp(x[i] - top);
  for (long i = 0; i < a.n[1]; ++i) y[i] /= sum;
}

// The n[2] largest of a row, descending, of equals the lower index first: each is the first in that order after the one
// before it. NaN counts as -inf.
kernel void topk(PARAMS) {
  ITEM(row);
  global const float* x = AT(float, 0) + row * a.n[1];
  float last = INFINITY;
  long last_at = -1;
  for (long k = 0; k < a.n[2]; ++k) {
    float best = -INFINITY;
    long best_at = -1;
    for (long i = 0; i < a.n[1]; ++i) {
      const float v = isnan(x[i]) ? -INFINITY : x[i];
      const bool after = v < last || (v == last && i > last_at);
      if (after && (best_at < 0 || v > best)) best = v, best_at = i;
    }
    AT(float, 1)[row * a.n[2] + k] = best_at < 0 ? -INFINITY : x[best_at];
    AT(int, 2)[row * a.n[2] + k] = best_at;
    last = best;
    last_at = best_at;
  }
}
