// Rotary positions, an item for a head of a token: n[1] H, n[2] D, n[3] n_rot, n[4] offset, n[5] interleaved, n[6] rows of
// freqs; f[0] scale. Element d of the rotated head is rotated(…).
typedef struct {
  global const float *x, *freqs;  // freqs null: the head passes as it is
  float position;
} Head;

Head head_of(global const float* x, global const int* positions, global const float* freqs, global const int* variant,
             long t, const Args* a) {
  const long v = variant ? variant[t] : 0;
  Head head;
  head.x = x;
  head.freqs = v >= 0 && v < a->n[6] ? freqs + v * (a->n[3] / 2) : 0;
  head.position = positions[t];
  return head;
}

// Elements `first` and `second` of pair i, and where they stand.
void turn_pair(const Head* head, long i, const Args* a, long* first, long* second, float* y1, float* y2) {
  const long half_rot = a->n[3] / 2;
  *first = a->n[4] + (a->n[5] ? 2 * i : i);
  *second = a->n[4] + (a->n[5] ? 2 * i + 1 : i + half_rot);
  const float angle = head->position * head->freqs[i];
  const float c = cos(angle) * a->f[0], s = sin(angle) * a->f[0];
  const float u = head->x[*first], v = head->x[*second];
  *y1 = u * c - v * s;
  *y2 = u * s + v * c;
}

// The head into D elements of a type from `at` on.
void write_head(const Head* head, const Args* a, global uchar* y, long at, int dtype) {
  const long D = a->n[2], begin = a->n[4], end = a->n[4] + a->n[3];
  for (long d = 0; d < D; ++d) {
    if (!head->freqs || d < begin || d >= end) store(y, at + d, dtype, head->x[d]);
  }
  for (long i = 0; head->freqs && i < a->n[3] / 2; ++i) {
    long first, second;
    float y1, y2;
    turn_pair(head, i, a, &first, &second, &y1, &y2);
    store(y, at + first, dtype, y1);
    store(y, at + second, dtype, y2);
  }
}

kernel void rope(PARAMS) {
  ITEM(i);
  const Head head = head_of(AT(float, 0) + i * a.n[2], AT(int, 1), AT(float, 2), HAS(3) ? AT(int, 3) : 0, i / a.n[1], &a);
  write_head(&head, &a, AT(uchar, 4), i * a.n[2], F32);
}

// Place of a token's head in a cache [P, H, page, D], in elements; -1: none. P * page in n[at], page in n[at + 1].
long cache_place(long slot, long h, long H, long D, const Args* a, int at) {
  const long page = a->n[at + 1];
  return slot < 0 || slot >= a->n[at] ? -1 : ((slot / page * H + h) * page + slot % page) * D;
}

// cache, new, slots; dtype of the cache in n[9]
kernel void kv_write(PARAMS) {
  ITEM(i);
  const long H = a.n[1], D = a.n[2], t = i / H;
  const long at = cache_place(AT(int, 2)[t], i % H, H, D, &a, 7);
  for (long d = 0; at >= 0 && d < D; ++d) store(AT(uchar, 0), at + d, a.n[9], AT(float, 1)[i * D + d]);
}

// cache, k, positions, freqs, variant, slots
kernel void rope_kv_write(PARAMS) {
  ITEM(i);
  const long H = a.n[1], D = a.n[2], t = i / H;
  const long at = cache_place(AT(int, 5)[t], i % H, H, D, &a, 7);
  if (at < 0) return;
  const Head head = head_of(AT(float, 1) + i * D, AT(int, 2), AT(float, 3), HAS(4) ? AT(int, 4) : 0, t, &a);
  write_head(&head, &a, AT(uchar, 0), at, a.n[9]);
}

// … and beside, v's cache and v in slots 6 and 7. The first n[10] items are k's heads, the others v's: n[11] H of v, n[12] D
// of v, n[13] and n[14] its cache's P * page and page, n[15] its dtype.
kernel void rope_kv_write_both(PARAMS) {
  ITEM(i);
  global const int* slots = AT(int, 5);
  if (i < a.n[10]) {
    const long H = a.n[1], D = a.n[2], t = i / H;
    const long at = cache_place(slots[t], i % H, H, D, &a, 7);
    if (at < 0) return;
    const Head head = head_of(AT(float, 1) + i * D, AT(int, 2), AT(float, 3), HAS(4) ? AT(int, 4) : 0, t, &a);
    write_head(&head, &a, AT(uchar, 0), at, a.n[9]);
    return;
  }
  const long j = i - a.n[10], H = a.n[11], D = a.n[12], t = j / H;
  const long at = cache_place(slots[t], j % H, H, D, &a, 13);
  for (long d = 0; at >= 0 && d < D; ++d) store(AT(uchar, 6), at + d, a.n[15], AT(float, 7)[j * D + d]);
}

// Keys of a sequence out of their pages, one after another: cache, page_table, k_start → y [C, H, D] f32
//   n[1] H  n[2] D  n[3] S  n[4] max_pages  n[5] pages  n[8] page  n[9] dtype
kernel void kv_gather(PARAMS) {
  ITEM(i);
  const long H = a.n[1], D = a.n[2], d = i % D, h = i / D % H, row = i / D / H;
  global const int* start = AT(int, 2);
  long s = 0;
  while (s < a.n[3] && row >= start[s + 1]) ++s;
  float y = 0;
  if (s < a.n[3] && row >= start[s]) {
    const long j = row - start[s], in_table = j / a.n[8];
    const long page = in_table < a.n[4] ? AT(int, 1)[s * a.n[4] + in_table] : -1;
    if (page >= 0 && page < a.n[5]) y = load_plain(AT(uchar, 0), ((page * H + h) * a.n[8] + j % a.n[8]) * D + d, a.n[9]);
  }
  AT(float, 3)[i] = y;
}
