// y[i] = f(x[i]) over n[0] f32; n[1]: which.
enum { NEG, ABS, EXP, LOG, SQRT, RSQRT, SIN, COS, TANH, SIGMOID, SILU, RELU, SOFTPLUS, GELU, GELU_TANH, SCALE, CLAMP };
float unary_of(int op, float x, const Args* a) {
  switch (op) {
    case NEG: return -x;
    case ABS: return fabs(x);
    case EXP: return exp(x);
    case LOG: return log(x);
    case SQRT: return sqrt(x);
    case RSQRT: return 1.0f / sqrt(x);
    case SIN: return sin(x);
    case COS: return cos(x);
    case TANH: return tanh(x);
    case SIGMOID: return 1.0f / (1.0f + exp(-x));
    case SILU: return x / (1.0f + exp(-x));
    case RELU: return isnan(x) ? x : fmax(x, 0.0f);
    case SOFTPLUS: return fmax(x, 0.0f) + log1p(exp(-fabs(x)));
    case GELU: return 0.5f * x * (1.0f + erf(x * M_SQRT1_2_F));
    case GELU_TANH: return 0.5f * x * (1.0f + tanh(0.7978845608f * (x + 0.044715f * x * x * x)));
    case SCALE: return x * a->f[0] + a->f[1];
    case CLAMP: return isnan(x) ? x : fmin(fmax(x, a->f[0]), a->f[1]);
  }
  return x;
}
kernel void unary(PARAMS) {
  ITEM(i);
  AT(float, 1)[i] = unary_of(a.n[1], AT(float, 0)[i], &a);
}

// y = x in another of f32, f16, bf16: n[1] from, n[2] to.
kernel void cast_float(PARAMS) {
  ITEM(i);
  store(AT(uchar, 1), i, a.n[2], load_plain(AT(uchar, 0), i, a.n[1]));
}
