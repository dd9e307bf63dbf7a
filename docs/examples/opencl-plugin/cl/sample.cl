// The next token of each row, an item for a row: docs/opset.md, sample@1. n[1] vocabulary; order [S, V] i32 in p8.
bool before(global const float* x, float temperature, int i, int j) {
  const float u = x[i] / temperature, v = x[j] / temperature;
  return u > v || (u == v && i < j);
}

// A heap of `n` indices whose root is the first in that order: puts the index at `at` into its place.
void sift(global int* heap, int n, int at, global const float* x, float temperature) {
  for (;;) {
    int first = at;
    for (int child = 2 * at + 1; child <= 2 * at + 2 && child < n; ++child) {
      if (before(x, temperature, heap[child], heap[first])) first = child;
    }
    if (first == at) return;
    const int swap = heap[at];
    heap[at] = heap[first];
    heap[first] = swap;
    at = first;
  }
}

float uniform_of(long seed, int position) {
  ulong z = (ulong)seed + 0x9E3779B97F4A7C15UL * ((ulong)(long)position + 1);
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9UL;
  z = (z ^ z >> 27) * 0x94D049BB133111EBUL;
  z ^= z >> 31;
  return (float)(z >> 40) * 0x1p-24f;
}

// Slots: logits, temperature, top_k, top_p, min_p, seed, position, token. What is NaN is in no order: it counts as -inf, whose
// probability is 0.
kernel void sample(PARAMS) {
  ITEM(s);
  const int V = a.n[1];
  global const float* x = AT(float, 0) + s * V;
  const float temperature = AT(float, 1)[s];
  int best = 0, n = 0;
  global int* order = AT(int, 8) + s * V;
  for (int i = 0; i < V; ++i) {
    if (isnan(x[i])) continue;
    order[n++] = i;
    if (isnan(x[best]) || x[i] > x[best]) best = i;
  }
  AT(int, 7)[s] = best;
  if (!(temperature > 0) || n == 0 || isinf(x[best])) return;
  for (int i = n / 2 - 1; i >= 0; --i) sift(order, n, i, x, temperature);
  const int top_k = AT(int, 2)[s];
  const int wanted = top_k <= 0 || top_k > n ? n : top_k;
  // The first of the order go to the end, one by one: rank r stands at n - 1 - r.
  for (int r = 0; r < wanted; ++r) {
    const int last = n - 1 - r, root = order[0];
    order[0] = order[last];
    order[last] = root;
    sift(order, last, 0, x, temperature);
  }
#define P(r) (exp(x[order[n - 1 - (r)]] / temperature - top))
  const float top = x[order[n - 1]] / temperature;
  float total = 0;
  for (int r = 0; r < wanted; ++r) total += P(r);
  const float first_p = P(0) / total, min_p = AT(float, 4)[s], top_p = AT(float, 3)[s];
  int kept = 1;
  while (kept < wanted && P(kept) / total >= min_p * first_p) ++kept;
  if (top_p < 1) {
    float sum = first_p;
    int m = 1;
    for (; m < kept && sum < top_p; ++m) sum += P(m) / total;
    kept = m;
  }
  float mass = 0;
  for (int r = 0; r < kept; ++r) mass += P(r) / total;
  const float goal = uniform_of(AT(long, 5)[s], AT(int, 6)[s]) * mass;
  float sum = 0;
  for (int r = 0; r < kept; ++r) {
    sum += P(r) / total;
    if (sum > goal || r == kept - 1) {
      AT(int, 7)[s] = order[n - 1 - r];
      return;
    }
  }
}
