// One step's work: which tokens of which sequences, and what came of it. Plain data, made by Scheduler::next and
// commit.
#pragma once

#include <vector>

#include "scheduler/sequence.h"

namespace bp {

struct BatchItem {
  Sequence* sequence = nullptr;  // lives until the step is committed
  int first = 0;                 // position of the first token of this step
  int n_tokens = 0;              // >= 1
  int n_outputs = 0;             // rows of logits: the last n_outputs of its tokens
  bool samples = false;          // the last row's token continues the sequence
  int n_known = 0;               // tokens of the sequence when the step was planned, pending ones included
  int pending_row = -1;          // the last token is drawn by the step before, from this row of its logits; -1: known
};

struct Batch {
  std::vector<BatchItem> items;
  int n_tokens = 0;
  int n_outputs = 0;
  bool empty() const { return items.empty(); }
};

// A token that a step drew for a sequence.
struct TokenEvent {
  SequenceId sequence = 0;
  int32_t token = 0;
  FinishReason finish = FinishReason::kRunning;  // another one: the sequence's last token
};

}  // namespace bp
