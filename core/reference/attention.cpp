// softmax(scale q·k …) v over keys in pages (attention) or one after another (attention_ragged). Keys and values are
// read row by row where they lie: the cache is never decoded whole.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "reference/call.h"

namespace bp {
namespace {

// What a score is made of, beside q and k.
struct Scoring {
  float scale, softcap;
  int64_t window;
  bool causal;
  const RefTensor* mask;            // null: none
  std::vector<float> sinks, alibi;  // empty: none

  Scoring(const RefCall& call, size_t first_optional)
      : scale(call.attr_float("scale")),
        softcap(call.attr_float("softcap")),
        window(call.attr_int("window")),
        causal(call.attr_int("causal") != 0),
        mask(call.has(first_optional) ? &call.in[first_optional] : nullptr) {
    if (call.has(first_optional + 1)) sinks = read_all(call.in[first_optional + 1]);
    if (call.has(first_optional + 2)) alibi = read_all(call.in[first_optional + 2]);
  }

  bool visible(int64_t q_pos, int64_t k_pos) const {
    return (!causal || k_pos <= q_pos) && (window == 0 || k_pos > q_pos - window);
  }

  float score(float product, int64_t row, size_t head, int64_t q_pos, int64_t k_pos) const {
    float s = scale * product;
    if (softcap > 0.0f) s = softcap * std::tanh(s / softcap);
    if (!alibi.empty()) s += alibi[head] * static_cast<float>(k_pos - q_pos);
    if (mask != nullptr && k_pos < row_size(*mask)) {
      float extra = 0;
      read_floats(*mask, row * row_size(*mask) + k_pos, 1, &extra);
      s += extra;
    }
    return s;
  }
};

// Where the keys and values of one sequence lie: key j, KV head h → row of k (and of v), or nullopt: none.
struct Keys {
  const RefTensor &k, &v;
  const RefTensor *k_scales, *v_scales;
  int64_t n_heads = 0;
  int64_t count = 0;
  int64_t page = 0;   // 0: ragged
  int64_t first = 0;  // ragged: row of key 0
  std::vector<int64_t> page_ids = {};

  std::optional<int64_t> row(int64_t j, int64_t head) const {
    if (page == 0) return (first + j) * n_heads + head;
    const int64_t id = page_ids[static_cast<size_t>(j / page)];
    if (id < 0 || id >= k.dims[0]) return std::nullopt;
    return (id * n_heads + head) * page + j % page;
  }

  // The first elements of a row, as many as `out` takes.
  static void read(const RefTensor& from, const RefTensor* scales, int64_t row, std::span<float> out) {
    read_floats(from, row * row_size(from), static_cast<int64_t>(out.size()), out.data());
    if (scales == nullptr) return;
    float scale = 1;
    read_floats(*scales, row, 1, &scale);
    for (float& value : out) value *= scale;
  }
};

struct Query {
  int64_t row, head, position;
};

std::vector<float> attend(const Keys& keys, const Scoring& scoring, const Query& query, std::span<const float> q,
                          size_t v_dim, int64_t kv_head) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  const auto head = static_cast<size_t>(query.head);
  std::vector<float> scores(static_cast<size_t>(keys.count), kLowest);
  std::vector<float> k(q.size()), v(v_dim);
  float top = scoring.sinks.empty() ? kLowest : scoring.sinks[head];
  for (int64_t j = 0; j < keys.count; ++j) {
    if (!scoring.visible(query.position, j)) continue;
    const auto row = keys.row(j, kv_head);
    if (!row) continue;
    Keys::read(keys.k, keys.k_scales, *row, k);
    float& score = scores[static_cast<size_t>(j)];
    score = scoring.score(dot(q.data(), k.data(), static_cast<int64_t>(q.size())), query.row, head, query.position, j);
    top = std::max(top, score);
  }
  std::vector<float> y(v_dim, 0.0f);
  if (top == kLowest) return y;
  float total = scoring.sinks.empty() ? 0.0f : std::exp(scoring.sinks[head] - top);
  for (int64_t j = 0; j < keys.count; ++j) {
    const float score = scores[static_cast<size_t>(j)];
    if (score == kLowest) continue;
    const float p = std::exp(score - top);
    Keys::read(keys.v, keys.v_scales, *keys.row(j, kv_head), v);
    for (size_t d = 0; d < v_dim; ++d) y[d] += p * v[d];
    total += p;
  }
  for (float& value : y) value /= total;
  return y;
}

// Rows [begin, end) are the last ones of a sequence with these keys.
void run_sequence(const RefCall& call, const Keys& keys, const Scoring& scoring, int64_t begin, int64_t end) {
  const RefTensor &q = call.in[0], &y = call.out[0];
  const int64_t heads = q.dims[1];
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t head = 0; head < heads; ++head) {
      const std::vector<float> query = read_row(q, row * heads + head);
      const int64_t position = keys.count - (end - begin) + (row - begin);
      write_row(y, row * heads + head,
                attend(keys, scoring, {row, head, position}, query, static_cast<size_t>(row_size(y)),
                       head * keys.n_heads / heads));
    }
  }
}

void write_zeros(const RefTensor& y) {
  const std::vector<float> zeros(static_cast<size_t>(row_size(y)), 0.0f);
  for (int64_t row = 0; row < n_rows(y); ++row) write_row(y, row, zeros);
}

}  // namespace

Status ref_attention(const RefCall& call) {
  const RefTensor &k = call.in[1], &table = call.in[3];
  const int64_t page = k.dims[2], max_pages = table.dims[1];
  BP_TRY(const std::vector<int64_t> start, read_offsets(call, call.in[4], call.in[0].dims[0]));
  const Scoring scoring(call, 6);
  write_zeros(call.out[0]);
  const RefTensor* k_scales = call.has(9) ? &call.in[9] : nullptr;
  const RefTensor* v_scales = call.attr_int("v_dim") > 0 ? k_scales : call.has(10) ? &call.in[10] : nullptr;
  for (size_t s = 0; s + 1 < start.size(); ++s) {
    Keys keys{k, call.in[2], k_scales, v_scales, k.dims[1]};
    keys.count = read_int(call.in[5], static_cast<int64_t>(s));
    keys.page = page;
    if (keys.count < 0 || keys.count > max_pages * page) {
      return call.error(fmt::format("sequence {} has {} keys in {} pages of {}", s, keys.count, max_pages, page));
    }
    for (int64_t i = 0; i < max_pages; ++i) {
      keys.page_ids.push_back(read_int(table, static_cast<int64_t>(s) * max_pages + i));
    }
    run_sequence(call, keys, scoring, start[s], start[s + 1]);
  }
  return {};
}

Status ref_attention_ragged(const RefCall& call) {
  const RefTensor& k = call.in[1];
  BP_TRY(const std::vector<int64_t> q_start, read_offsets(call, call.in[3], call.in[0].dims[0]));
  BP_TRY(const std::vector<int64_t> k_start, read_offsets(call, call.in[4], k.dims[0]));
  const Scoring scoring(call, 5);
  write_zeros(call.out[0]);
  for (size_t s = 0; s + 1 < q_start.size(); ++s) {
    Keys keys{k, call.in[2], nullptr, nullptr, k.dims[1]};
    keys.count = k_start[s + 1] - k_start[s];
    keys.first = k_start[s];
    run_sequence(call, keys, scoring, q_start[s], q_start[s + 1]);
  }
  return {};
}

Status ref_segment_mean(const RefCall& call) {
  const RefTensor& x = call.in[0];
  BP_TRY(const std::vector<int64_t> start, read_offsets(call, call.in[1], x.dims[0]));
  for (size_t s = 0; s + 1 < start.size(); ++s) {
    std::vector<float> mean(static_cast<size_t>(row_size(x)), 0.0f);
    for (int64_t row = start[s]; row < start[s + 1]; ++row) {
      const std::vector<float> values = read_row(x, row);
      for (size_t i = 0; i < mean.size(); ++i) mean[i] += values[i];
    }
    const auto count = static_cast<float>(std::max<int64_t>(start[s + 1] - start[s], 1));
    for (float& value : mean) value /= count;
    write_row(call.out[0], static_cast<int64_t>(s), mean);
  }
  return {};
}

}  // namespace bp
