// One step's work: which tokens of which sequences. Plain data, made by Scheduler::next.
#pragma once

#include <vector>

#include "scheduler/sequence.h"

namespace bp {

struct BatchItem {
  Sequence* sequence = nullptr;
  int first = 0;         // position of the first token of this step
  int n_tokens = 0;      // >= 1
  int n_outputs = 0;     // rows of logits: the last n_outputs of its tokens
  bool samples = false;  // the last row's token continues the sequence
};

struct Batch {
  std::vector<BatchItem> items;
  int n_tokens = 0;
  int n_outputs = 0;
  bool empty() const { return items.empty(); }
};

}  // namespace bp
