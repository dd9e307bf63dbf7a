// The next token of each sequence, and how much of a draft it confirms.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "reference/call.h"

namespace bp {
namespace {

// In [0, 1): the finaliser of splitmix64 (Steele, Lea, Flood 2014) over the position-th state of the seed's stream.
float uniform(int64_t seed, int64_t position) {
  uint64_t z = static_cast<uint64_t>(seed) + 0x9E3779B97F4A7C15u * (static_cast<uint64_t>(position) + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  return static_cast<float>(z >> 40) * 0x1p-24f;
}

struct Sampling {
  float temperature, top_p, min_p;
  int64_t top_k;
  float u;
};

float read_one(const RefTensor& tensor, int64_t at) {
  float value = 0;
  read_floats(tensor, at, 1, &value);
  return value;
}

size_t argmax(std::span<const float> x) {
  return static_cast<size_t>(std::max_element(x.begin(), x.end()) - x.begin());  // the first of equals
}

// Indices of the `count` largest, descending; of equals the lower index first.
std::vector<size_t> largest(std::span<const float> x, size_t count) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto before = [&](size_t a, size_t b) { return x[a] > x[b] || (x[a] == x[b] && a < b); };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), before);
  order.resize(count);
  return order;
}

// How many of the descending probabilities stay.
size_t n_kept(std::span<const float> p, const Sampling& how) {
  size_t kept = 1;
  while (kept < p.size() && p[kept] >= how.min_p * p[0]) ++kept;
  if (how.top_p >= 1.0f) return kept;
  float sum = p[0];
  size_t n = 1;
  for (; n < kept && sum < how.top_p; ++n) sum += p[n];
  return n;
}

size_t draw(std::span<float> logits, const Sampling& how) {
  for (float& logit : logits) {
    if (std::isnan(logit)) logit = -std::numeric_limits<float>::infinity();
  }
  const size_t best = argmax(logits);
  if (!(how.temperature > 0.0f) || std::isinf(logits[best])) return best;
  for (float& logit : logits) logit /= how.temperature;
  const bool all = how.top_k <= 0 || how.top_k >= static_cast<int64_t>(logits.size());
  const std::vector<size_t> order = largest(logits, all ? logits.size() : static_cast<size_t>(how.top_k));
  std::vector<float> p;
  float total = 0;
  for (const size_t index : order) {
    p.push_back(std::exp(logits[index] - logits[order[0]]));
    total += p.back();
  }
  for (float& value : p) value /= total;
  p.resize(n_kept(p, how));
  const float goal = how.u * std::accumulate(p.begin(), p.end(), 0.0f);
  float sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    sum += p[i];
    if (sum > goal) return order[i];
  }
  return order[p.size() - 1];
}

}  // namespace

Status ref_sample(const RefCall& call) {
  const RefTensor& logits = call.in[0];
  if (row_size(logits) == 0 && n_rows(logits) > 0) return call.error("there are no logits to choose from");
  for (int64_t s = 0; s < n_rows(logits); ++s) {
    Sampling how{};
    how.temperature = read_one(call.in[1], s);
    how.top_k = read_int(call.in[2], s);
    how.top_p = read_one(call.in[3], s);
    how.min_p = read_one(call.in[4], s);
    how.u = uniform(read_int(call.in[5], s), read_int(call.in[6], s));
    std::vector<float> row = read_row(logits, s);
    write_int(call.out[0], s, static_cast<int64_t>(draw(row, how)));
  }
  return {};
}

Status ref_verify_draft(const RefCall& call) {
  const RefTensor &draft = call.in[0], &target = call.in[1];
  const int64_t d = draft.dims[1];
  for (int64_t s = 0; s < draft.dims[0]; ++s) {
    const int64_t n = std::clamp<int64_t>(read_int(call.in[2], s), 0, d);
    int64_t accepted = 0;
    while (accepted < n && read_int(draft, s * d + accepted) == read_int(target, s * (d + 1) + accepted)) ++accepted;
    write_int(call.out[0], s, accepted);
    write_int(call.out[1], s, read_int(target, s * (d + 1) + accepted));
  }
  return {};
}

}  // namespace bp
