#include "engine/step_params.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace bp {
namespace {

enum FieldIndex : size_t {
  kTokenIds,
  kPositions,
  kSlots,
  kRopeVariant,
  kRopeFreqs,
  kPageTable,
  kSeqStart,
  kSeqLen,
  kOutputRows,
  kTemperature,
  kTopK,
  kTopP,
  kMinP,
  kSeed,
  kPosition,
  kFieldCount,
};
constexpr std::array<std::string_view, kFieldCount> kNames = {
    "token_ids",   "positions",   "slots", "rope_variant", "rope_freqs", "page_table", "seq_start", "seq_len",
    "output_rows", "temperature", "top_k", "top_p",        "min_p",      "seed",       "position"};
constexpr uint64_t kAlign = 64;

uint64_t capacity_bytes(size_t index, const StepParams::Limits& limits) {
  const auto tokens = static_cast<uint64_t>(limits.max_tokens);
  const auto seqs = static_cast<uint64_t>(limits.max_seqs);
  const auto outputs = static_cast<uint64_t>(limits.max_outputs);
  switch (index) {
    case kTokenIds:
    case kPositions:
    case kSlots:
    case kRopeVariant:
      return tokens * sizeof(int32_t);
    case kRopeFreqs:
      return limits.dynamic_rope == nullptr
                 ? 0
                 : tokens * static_cast<uint64_t>(limits.dynamic_rope->n_rot / 2) * sizeof(float);
    case kPageTable:
      return seqs * static_cast<uint64_t>(limits.max_pages_per_seq) * sizeof(int32_t);
    case kSeqStart:
      return (seqs + 1) * sizeof(int32_t);
    case kSeqLen:
      return seqs * sizeof(int32_t);
    case kSeed:
      return outputs * sizeof(int64_t);
    default:
      return outputs * sizeof(int32_t);
  }
}

}  // namespace

template <class T>
T* StepParams::field(size_t index) {
  return reinterpret_cast<T*>(host_.data() + fields_[index].offset);
}

Status StepParams::create(Device* device, const Limits& limits, Bindings& bindings) {
  limits_ = limits;
  uint64_t total = 0;
  for (size_t i = 0; i < kFieldCount; ++i) {
    fields_.push_back({total, 0});
    total += (capacity_bytes(i, limits) + kAlign - 1) / kAlign * kAlign;
  }
  host_.resize(total);
  BP_TRY(device_, Buffer::create(device, total, "params"));
  for (size_t i = 0; i < kFieldCount; ++i) {
    bindings[std::string(kNames[i])] = {&*device_, fields_[i].offset, capacity_bytes(i, limits)};
  }
  return {};
}

Status StepParams::write(const Batch& batch, Queue* queue) {
  fill_rows(batch);
  if (limits_.dynamic_rope != nullptr) fill_frequencies(batch);
  fill_sampling(batch);
  if (queue == nullptr) {
    for (const Field& part : fields_) {
      if (part.used_bytes > 0) std::memcpy(device_->host() + part.offset, host_.data() + part.offset, part.used_bytes);
    }
    return {};
  }
  std::array<bp_span, kFieldCount> to;
  std::array<bp_span, kFieldCount> from;
  size_t n = 0;
  for (const Field& part : fields_) {
    if (part.used_bytes == 0) continue;
    from[n] = {nullptr, host_.data() + part.offset, 0, part.used_bytes};
    to[n++] = device_->span(part.offset, part.used_bytes);
  }
  return queue->copy(std::span(to).first(n), std::span(from).first(n));
}

void StepParams::fill_rows(const Batch& batch) {
  auto* seq_start = field<int32_t>(kSeqStart);
  auto* seq_len = field<int32_t>(kSeqLen);
  int32_t row = 0;
  int32_t output = 0;
  for (size_t s = 0; s < batch.items.size(); ++s) {
    const BatchItem& item = batch.items[s];
    const Sequence& sequence = *item.sequence;
    seq_start[s] = row;
    seq_len[s] = item.first + item.n_tokens;
    auto* table = field<int32_t>(kPageTable) + s * static_cast<size_t>(limits_.max_pages_per_seq);
    const auto pages = sequence.pages.pages();
    std::ranges::copy(pages, table);
    std::fill(table + pages.size(), table + limits_.max_pages_per_seq, -1);
    for (int i = 0; i < item.n_tokens; ++i, ++row) {
      const int position = item.first + i;
      field<int32_t>(kTokenIds)[row] = sequence.tokens[static_cast<size_t>(position)];
      field<int32_t>(kPositions)[row] = position;
      field<int32_t>(kSlots)[row] = sequence.pages.slot(position);
      field<int32_t>(kRopeVariant)[row] = limits_.rope_switch > 0 && sequence.n_tokens() > limits_.rope_switch;
      if (i >= item.n_tokens - item.n_outputs) field<int32_t>(kOutputRows)[output++] = row;
    }
  }
  seq_start[batch.items.size()] = row;
  const auto rows = static_cast<uint64_t>(row);
  for (const size_t i : {kTokenIds, kPositions, kSlots, kRopeVariant}) fields_[i].used_bytes = rows * sizeof(int32_t);
  fields_[kPageTable].used_bytes =
      batch.items.size() * static_cast<size_t>(limits_.max_pages_per_seq) * sizeof(int32_t);
  fields_[kSeqStart].used_bytes = (batch.items.size() + 1) * sizeof(int32_t);
  fields_[kSeqLen].used_bytes = batch.items.size() * sizeof(int32_t);
  fields_[kOutputRows].used_bytes = static_cast<uint64_t>(output) * sizeof(int32_t);
}

// By the length that the text had when the token was new: the prompt's, or what was generated up to it. So a sequence
// that is computed again has the same frequencies.
void StepParams::fill_frequencies(const Batch& batch) {
  const auto half = static_cast<size_t>(limits_.dynamic_rope->n_rot / 2);
  float* row = field<float>(kRopeFreqs);
  int64_t known_length = -1;
  std::vector<float> frequencies;
  for (const BatchItem& item : batch.items) {
    for (int i = 0; i < item.n_tokens; ++i, row += half) {
      const int64_t length = std::max(item.sequence->n_prompt(), item.first + i + 1);
      if (length != known_length) frequencies = dynamic_frequencies(*limits_.dynamic_rope, length);
      known_length = length;
      std::ranges::copy(frequencies, row);
    }
  }
  fields_[kRopeFreqs].used_bytes = static_cast<uint64_t>(batch.n_tokens) * half * sizeof(float);
}

void StepParams::fill_sampling(const Batch& batch) {
  size_t row = 0;
  for (const BatchItem& item : batch.items) {
    const SamplingParams& sampling = item.sequence->request.sampling;
    for (int i = 0; i < item.n_outputs; ++i, ++row) {
      const bool drawn = item.samples && i + 1 == item.n_outputs;
      field<float>(kTemperature)[row] = drawn ? sampling.temperature : 0.0f;
      field<int32_t>(kTopK)[row] = sampling.top_k;
      field<float>(kTopP)[row] = sampling.top_p;
      field<float>(kMinP)[row] = sampling.min_p;
      field<int64_t>(kSeed)[row] = sampling.seed;
      field<int32_t>(kPosition)[row] = item.first + item.n_tokens - item.n_outputs + i;
    }
  }
  for (const size_t i : {kTemperature, kTopK, kTopP, kMinP, kPosition}) fields_[i].used_bytes = row * sizeof(int32_t);
  fields_[kSeed].used_bytes = row * sizeof(int64_t);
}

}  // namespace bp
