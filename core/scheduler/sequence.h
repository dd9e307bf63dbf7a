// One sequence being computed: its tokens, how far its KV goes, its pages. Owned by the scheduler; engine thread only.
// Invariant: n_computed <= tokens.size(); the page table covers n_computed tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "kv/page_table.h"
#include "scheduler/request.h"

namespace bp {

using SequenceId = int64_t;

struct Sequence {
  Sequence(SequenceId sequence_id, Request r, PageAllocator& allocator, int page_size);

  SequenceId id;
  Request request;
  std::vector<int32_t> tokens;  // the prompt, then what was generated
  int n_computed = 0;           // tokens whose KV is written
  PageTable pages;
  FinishReason finish = FinishReason::kRunning;

  int n_tokens() const { return static_cast<int>(tokens.size()); }
  int n_prompt() const { return static_cast<int>(request.prompt.size()); }
  int n_generated() const { return n_tokens() - n_prompt(); }
  // Appends a generated token and decides whether the sequence ends with it.
  void append(int32_t token);
};

}  // namespace bp
