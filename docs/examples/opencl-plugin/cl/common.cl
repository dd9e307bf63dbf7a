// Every kernel has the same parameters: up to 12 buffers with an offset each, and numbers whose meaning is its own. The
// same struct is in work.h.
#pragma OPENCL FP_CONTRACT OFF
typedef struct {
  ulong off[12];
  long n[48];
  float f[4];
} Args;
#define PARAMS                                                                                               \
  global uchar *p0, global uchar *p1, global uchar *p2, global uchar *p3, global uchar *p4, global uchar *p5, \
      global uchar *p6, global uchar *p7, global uchar *p8, global uchar *p9, global uchar *p10,              \
      global uchar *p11, const Args a
#define AT(T, slot) ((global T*)(p##slot + a.off[slot]))
#define HAS(slot) (p##slot != 0)
// Work-items beyond n[0] have nothing to do: the last group is full.
#define ITEM(name)                 \
  const long name = get_global_id(0); \
  if (name >= a.n[0]) return

// Element types, as plugin.h numbers them.
enum { F32 = 1, F16 = 2, BF16 = 3, I8 = 5, U8 = 6, I32 = 8, I64 = 9, BOOL = 10, Q4_0 = 32, Q4_1 = 33, Q5_0 = 34, Q5_1 = 35, Q8_0 = 36 };

// Element i of a row that begins at p, as f32; i counts elements, blocks included.
float load(global const uchar* p, long i, int dtype) {
  switch (dtype) {
    case F32: return ((global const float*)p)[i];
    case F16: return vload_half(i, (global const half*)p);
    case BF16: return as_float((uint)((global const ushort*)p)[i] << 16);
    case Q8_0: {
      global const uchar* b = p + i / 32 * 34;
      return vload_half(0, (global const half*)b) * (float)((global const char*)b)[2 + i % 32];
    }
    case Q4_0: {
      global const uchar* b = p + i / 32 * 18;
      const uchar pair = b[2 + i % 16];
      return vload_half(0, (global const half*)b) * (float)((i % 32 < 16 ? pair & 15 : pair >> 4) - 8);
    }
    case Q4_1: {
      global const uchar* b = p + i / 32 * 20;
      const uchar pair = b[4 + i % 16];
      return vload_half(0, (global const half*)b) * (float)(i % 32 < 16 ? pair & 15 : pair >> 4) +
             vload_half(1, (global const half*)b);
    }
    case Q5_0: {
      global const uchar* b = p + i / 32 * 22;
      const uint high = (b[2] | b[3] << 8 | b[4] << 16 | (uint)b[5] << 24) >> (i % 32) & 1;
      const uchar pair = b[6 + i % 16];
      return vload_half(0, (global const half*)b) * (float)((int)((i % 32 < 16 ? pair & 15 : pair >> 4) | high << 4) - 16);
    }
    case Q5_1: {
      global const uchar* b = p + i / 32 * 24;
      const uint high = (b[4] | b[5] << 8 | b[6] << 16 | (uint)b[7] << 24) >> (i % 32) & 1;
      const uchar pair = b[8 + i % 16];
      return vload_half(0, (global const half*)b) * (float)((i % 32 < 16 ? pair & 15 : pair >> 4) | high << 4) +
             vload_half(1, (global const half*)b);
    }
    case I8: return ((global const char*)p)[i];
    case U8: return p[i];
    case I32: return ((global const int*)p)[i];
    case BOOL: return p[i] != 0;
  }
  return 0;
}

// The same of the plain types alone: in loops over activations and caches, where blocks do not occur.
float load_plain(global const uchar* p, long i, int dtype) {
  if (dtype == F32) return ((global const float*)p)[i];
  if (dtype == F16) return vload_half(i, (global const half*)p);
  return as_float((uint)((global const ushort*)p)[i] << 16);
}

// Rounded to nearest even.
void store(global uchar* p, long i, int dtype, float v) {
  if (dtype == F32) {
    ((global float*)p)[i] = v;
  } else if (dtype == F16) {
    vstore_half_rte(v, i, (global half*)p);
  } else {
    const uint bits = as_uint(v);
    ((global ushort*)p)[i] = isnan(v) ? bits >> 16 | 64 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  }
}

// The places that item `i` of an output reads in two operands: dims from n[8], their strides in elements from n[16] and
// n[24]; n[1] dims. A stride of 0 repeats.
long place(const Args* a, long i, int strides) {
  long at = 0;
  for (int d = a->n[1] - 1; d >= 0; --d) {
    at += i % a->n[8 + d] * a->n[strides + d];
    i /= a->n[8 + d];
  }
  return at;
}
