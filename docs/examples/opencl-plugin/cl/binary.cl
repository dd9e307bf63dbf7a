// y = a op b with broadcasting (place); n[2]: which; n[3], n[4]: dtypes of a and b. y is f32, or as both.
enum { ADD, SUB, MUL, DIV, MIN, MAX, POW, LT, LE, EQ, AND, OR };
kernel void binary_float(PARAMS) {
  ITEM(i);
  const float x = load_plain(AT(uchar, 0), place(&a, i, 16), a.n[3]);
  const float y = load_plain(AT(uchar, 1), place(&a, i, 24), a.n[4]);
  float z = 0;
  switch ((int)a.n[2]) {
    case ADD: z = x + y; break;
    case SUB: z = x - y; break;
    case MUL: z = x * y; break;
    case DIV: z = x / y; break;
    case MIN: z = y < x ? y : x; break;
    case MAX: z = x < y ? y : x; break;
    case POW: z = pow(x, y); break;
  }
  AT(float, 2)[i] = z;
}

long load_int(global const uchar* p, long i, int dtype) {
  return dtype == I64 ? ((global const long*)p)[i] : dtype == I32 ? ((global const int*)p)[i] : p[i];
}
kernel void binary_int(PARAMS) {
  ITEM(i);
  const int dtype = a.n[3];
  const long x = load_int(AT(uchar, 0), place(&a, i, 16), dtype), y = load_int(AT(uchar, 1), place(&a, i, 24), dtype);
  ulong z = 0;
  switch ((int)a.n[2]) {
    case ADD: z = (ulong)x + (ulong)y; break;
    case SUB: z = (ulong)x - (ulong)y; break;
    case MUL: z = (ulong)x * (ulong)y; break;
    case DIV: z = y == 0 ? 0 : y == -1 ? 0 - (ulong)x : (ulong)(x / y); break;
    case MIN: z = min(x, y); break;
    case MAX: z = max(x, y); break;
  }
  if (dtype == I64) AT(ulong, 2)[i] = z;
  else AT(uint, 2)[i] = (uint)z;
}

// Comparisons, and the logic of bools: a byte each.
kernel void compare(PARAMS) {
  ITEM(i);
  const long at = place(&a, i, 16), bt = place(&a, i, 24);
  const int op = a.n[2];
  bool z;
  if (a.n[3] == F32) {
    const float x = AT(float, 0)[at], y = AT(float, 1)[bt];
    z = op == LT ? x < y : op == LE ? x <= y : x == y;
  } else {
    const long x = load_int(AT(uchar, 0), at, a.n[3]), y = load_int(AT(uchar, 1), bt, a.n[3]);
    z = op == LT ? x < y : op == LE ? x <= y : op == EQ ? x == y : op == AND ? x && y : x || y;
  }
  AT(uchar, 2)[i] = z;
}
kernel void logical_not(PARAMS) {
  ITEM(i);
  AT(uchar, 1)[i] = AT(uchar, 0)[i] == 0;
}

void copy_element(global uchar* to, long i, global const uchar* from, long j, int bytes) {
  if (bytes == 4) ((global uint*)to)[i] = ((global const uint*)from)[j];
  else if (bytes == 8) ((global ulong*)to)[i] = ((global const ulong*)from)[j];
  else if (bytes == 2) ((global ushort*)to)[i] = ((global const ushort*)from)[j];
  else to[i] = from[j];
}
// y = cond ? a : b; strides of cond in n[32]; elements of n[2] bytes.
kernel void where_op(PARAMS) {
  ITEM(i);
  if (AT(uchar, 0)[place(&a, i, 32)]) copy_element(AT(uchar, 3), i, AT(uchar, 1), place(&a, i, 16), a.n[2]);
  else copy_element(AT(uchar, 3), i, AT(uchar, 2), place(&a, i, 24), a.n[2]);
}

// y = silu(g) * u over n[0] f32
kernel void silu_mul(PARAMS) {
  ITEM(i);
  const float g = AT(float, 0)[i];
  AT(float, 2)[i] = g / (1.0f + exp(-g)) * AT(float, 1)[i];
}
