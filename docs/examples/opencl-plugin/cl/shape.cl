// y[i] = x[n[3] + place(i)], elements of n[2] bytes: transpose, slice, broadcast.
kernel void strided_copy(PARAMS) {
  ITEM(i);
  copy_element(AT(uchar, 1), i, AT(uchar, 0), a.n[3] + place(&a, i, 16), a.n[2]);
}

// y[o, j, r] = the operand that has j: n[1] = inner bytes, n[2] of them; n[8 + p] = where operand p begins along the axis.
kernel void concat(PARAMS) {
  ITEM(i);
  const long inner = a.n[1], total = a.n[8 + a.n[2]];
  const long byte = i % inner, j = i / inner % total, outer = i / inner / total;
  int p = 0;
  while (j >= a.n[9 + p]) ++p;
  const long at = (outer * (a.n[9 + p] - a.n[8 + p]) + j - a.n[8 + p]) * inner + byte;
  global const uchar* from = p == 0   ? AT(uchar, 0)
                             : p == 1 ? AT(uchar, 1)
                             : p == 2 ? AT(uchar, 2)
                             : p == 3 ? AT(uchar, 3)
                             : p == 4 ? AT(uchar, 4)
                             : p == 5 ? AT(uchar, 5)
                             : p == 6 ? AT(uchar, 6)
                                      : AT(uchar, 7);
  AT(uchar, 8)[i] = from[at];
}

kernel void iota(PARAMS) {
  ITEM(i);
  AT(int, 1)[i] = i;
}
