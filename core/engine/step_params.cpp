#include "engine/step_params.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

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
  kIdRows,
  kTemperature,
  kTopK,
  kTopP,
  kMinP,
  kSeed,
  kPosition,
  kTokenCount,
  kSeqCount,
  kOutputCount,
  kFieldCount,
};
constexpr std::array<std::string_view, kFieldCount> kNames = {
    "token_ids", "positions",   "slots",        "rope_variant", "rope_freqs",   "page_table", "seq_start",
    "seq_len",   "output_rows", "id_rows",      "temperature",  "top_k",        "top_p",      "min_p",
    "seed",      "position",    "len.n_tokens", "len.n_seqs",   "len.n_outputs"};
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
    case kTokenCount:
    case kSeqCount:
    case kOutputCount:
      return sizeof(int32_t);
    default:
      return outputs * sizeof(int32_t);
  }
}

}  // namespace

template <class T>
T* StepParams::field(Stage& stage, size_t index) const {
  return reinterpret_cast<T*>(stage.bytes + offsets_[index]);
}

Status StepParams::create(const SlabSource& source, const Limits& limits, Bindings& bindings) {
  limits_ = limits;
  uint64_t total = 0;
  for (size_t i = 0; i < kFieldCount; ++i) {
    offsets_.push_back(total);
    total += (capacity_bytes(i, limits) + kAlign - 1) / kAlign * kAlign;
  }
  for (Stage& stage : stages_) BP_TRY_VOID(create_stage(source, total, stage));
  BP_TRY(device_, source.create(total, "params"));
  for (size_t i = 0; i < kFieldCount; ++i) {
    bindings[std::string(kNames[i])] = {&*device_, offsets_[i], capacity_bytes(i, limits)};
  }
  return {};
}

Status StepParams::create_stage(const SlabSource& source, uint64_t size_bytes, Stage& stage) {
  stage.used_bytes.resize(kFieldCount);
  if (source.rehearse) return {};
  Device* device = source.device;
  if (device != nullptr && device->copies_async()) {
    if (auto pinned = device->alloc(size_bytes, "staged params", AllocKind::kPinned); pinned.has_value()) {
      stage.pinned.emplace(std::move(*pinned));
      stage.bytes = stage.pinned->host();
      std::memset(stage.bytes, 0, size_bytes);
      return {};
    }
  }
  stage.pageable.resize(size_bytes);
  stage.bytes = stage.pageable.data();
  return {};
}

bool StepParams::fill(const Batch& batch, size_t stage, int n_drawn, const Padding& padding) {
  Stage& to = stages_[stage];
  const bool follows = fill_rows(batch, to, n_drawn);
  if (limits_.dynamic_rope != nullptr) fill_frequencies(batch, to);
  fill_sampling(batch, to);
  fill_lengths(batch, to);
  pad(batch, to, padding);
  return follows;
}

Status StepParams::copy(size_t stage, Queue* queue) {
  const Stage& from_stage = stages_[stage];
  std::array<bp_span, kFieldCount> to;
  std::array<bp_span, kFieldCount> from;
  size_t n = 0;
  for (size_t i = 0; i < kFieldCount; ++i) {
    const uint64_t bytes = from_stage.used_bytes[i];
    if (bytes == 0) continue;
    if (queue == nullptr) {
      std::memcpy(device_->host() + offsets_[i], from_stage.bytes + offsets_[i], bytes);
      continue;
    }
    from[n] = from_stage.pinned ? from_stage.pinned->span(offsets_[i], bytes)
                                : bp_span{nullptr, from_stage.bytes + offsets_[i], 0, bytes};
    to[n++] = device_->span(offsets_[i], bytes);
  }
  return queue == nullptr ? Status{} : queue->copy(std::span(to).first(n), std::span(from).first(n));
}

bool StepParams::fill_rows(const Batch& batch, Stage& stage, int n_drawn) {
  auto* seq_start = field<int32_t>(stage, kSeqStart);
  auto* seq_len = field<int32_t>(stage, kSeqLen);
  auto* id_rows = field<int32_t>(stage, kIdRows);
  std::fill(id_rows, id_rows + n_drawn, -1);
  bool follows = false;
  int32_t row = 0;
  int32_t output = 0;
  for (size_t s = 0; s < batch.items.size(); ++s) {
    const BatchItem& item = batch.items[s];
    const Sequence& sequence = *item.sequence;
    seq_start[s] = row;
    seq_len[s] = item.first + item.n_tokens;
    auto* table = field<int32_t>(stage, kPageTable) + s * static_cast<size_t>(limits_.max_pages_per_seq);
    const auto pages = sequence.pages.pages();
    std::ranges::copy(pages, table);
    std::fill(table + pages.size(), table + limits_.max_pages_per_seq, -1);
    for (int i = 0; i < item.n_tokens; ++i, ++row) {
      const int position = item.first + i;
      field<int32_t>(stage, kTokenIds)[row] = std::max(sequence.tokens[static_cast<size_t>(position)], 0);
      field<int32_t>(stage, kPositions)[row] = position;
      field<int32_t>(stage, kSlots)[row] = sequence.pages.slot(position);
      field<int32_t>(stage, kRopeVariant)[row] = limits_.rope_switch > 0 && item.n_known > limits_.rope_switch;
      if (i >= item.n_tokens - item.n_outputs) field<int32_t>(stage, kOutputRows)[output++] = row;
    }
    if (item.pending_row < 0) continue;
    BP_CHECK(item.pending_row < n_drawn, "row {} of {}", item.pending_row, n_drawn);
    id_rows[item.pending_row] = row - 1;
    follows = true;
  }
  seq_start[batch.items.size()] = row;
  const auto rows = static_cast<uint64_t>(row);
  auto& used = stage.used_bytes;
  for (const size_t i : {kTokenIds, kPositions, kSlots, kRopeVariant}) used[i] = rows * sizeof(int32_t);
  used[kPageTable] = batch.items.size() * static_cast<size_t>(limits_.max_pages_per_seq) * sizeof(int32_t);
  used[kSeqStart] = (batch.items.size() + 1) * sizeof(int32_t);
  used[kSeqLen] = batch.items.size() * sizeof(int32_t);
  used[kOutputRows] = static_cast<uint64_t>(output) * sizeof(int32_t);
  used[kIdRows] = follows ? static_cast<uint64_t>(n_drawn) * sizeof(int32_t) : 0;
  return follows;
}

// By the length that the text had when the token was new: the prompt's, or what was generated up to it. So a sequence
// that is computed again has the same frequencies.
void StepParams::fill_frequencies(const Batch& batch, Stage& stage) {
  const auto half = static_cast<size_t>(limits_.dynamic_rope->n_rot / 2);
  float* row = field<float>(stage, kRopeFreqs);
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
  stage.used_bytes[kRopeFreqs] = static_cast<uint64_t>(batch.n_tokens) * half * sizeof(float);
}

void StepParams::fill_sampling(const Batch& batch, Stage& stage) {
  size_t row = 0;
  for (const BatchItem& item : batch.items) {
    const SamplingParams& sampling = item.sequence->request.sampling;
    for (int i = 0; i < item.n_outputs; ++i, ++row) {
      const bool drawn = item.samples && i + 1 == item.n_outputs;
      field<float>(stage, kTemperature)[row] = drawn ? sampling.temperature : 0.0f;
      field<int32_t>(stage, kTopK)[row] = sampling.top_k;
      field<float>(stage, kTopP)[row] = sampling.top_p;
      field<float>(stage, kMinP)[row] = sampling.min_p;
      field<int64_t>(stage, kSeed)[row] = sampling.seed;
      field<int32_t>(stage, kPosition)[row] = item.first + item.n_tokens - item.n_outputs + i;
    }
  }
  for (const size_t i : {kTemperature, kTopK, kTopP, kMinP, kPosition}) stage.used_bytes[i] = row * sizeof(int32_t);
  stage.used_bytes[kSeed] = row * sizeof(int64_t);
}

void StepParams::fill_lengths(const Batch& batch, Stage& stage) {
  *field<int32_t>(stage, kTokenCount) = batch.n_tokens;
  *field<int32_t>(stage, kSeqCount) = static_cast<int32_t>(batch.items.size());
  *field<int32_t>(stage, kOutputCount) = batch.n_outputs;
  for (const size_t i : {kTokenCount, kSeqCount, kOutputCount}) stage.used_bytes[i] = sizeof(int32_t);
}

// Rows past the batch's write no KV (slot -1), belong to sequences without tokens, and read what is there.
void StepParams::pad(const Batch& batch, Stage& stage, const Padding& padding) {
  const auto extend = [&](size_t index, int from, int to, int32_t value) {
    if (to <= from) return;
    auto* begin = field<int32_t>(stage, index);
    std::fill(begin + from, begin + to, value);
    stage.used_bytes[index] = static_cast<uint64_t>(to) * sizeof(int32_t);
  };
  const int n_seqs = static_cast<int>(batch.items.size());
  for (const size_t i : {kTokenIds, kPositions, kRopeVariant}) extend(i, batch.n_tokens, padding.n_tokens, 0);
  extend(kSlots, batch.n_tokens, padding.n_tokens, -1);
  extend(kPageTable, n_seqs * limits_.max_pages_per_seq, padding.n_seqs * limits_.max_pages_per_seq, -1);
  extend(kSeqStart, n_seqs + 1, padding.n_seqs > 0 ? padding.n_seqs + 1 : 0, batch.n_tokens);
  extend(kSeqLen, n_seqs, padding.n_seqs, 0);
  for (const size_t i : {kOutputRows, kTemperature, kTopK, kTopP, kMinP, kPosition}) {
    extend(i, batch.n_outputs, padding.n_outputs, 0);
  }
  if (padding.n_outputs > batch.n_outputs) {
    auto* seeds = field<int64_t>(stage, kSeed);
    std::fill(seeds + batch.n_outputs, seeds + padding.n_outputs, 0);
    stage.used_bytes[kSeed] = static_cast<uint64_t>(padding.n_outputs) * sizeof(int64_t);
  }
}

}  // namespace bp
