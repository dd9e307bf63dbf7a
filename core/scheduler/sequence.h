// One sequence being computed: its tokens, how far its KV goes, its pages. Owned by the scheduler; engine thread only.
// Steps are planned before the one before has told its tokens: what is planned counts as computed, and a token that it
// will draw is there as kPendingToken. Invariant: n_computed <= tokens.size(); until nothing is left to plan, the page
// table covers n_computed tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "kv/page_table.h"
#include "scheduler/request.h"

namespace bp {

using SequenceId = int64_t;

// A token that a planned step draws: its number is not known yet. Only the last token of a sequence can be one.
inline constexpr int32_t kPendingToken = -1;

struct Sequence {
  Sequence(SequenceId sequence_id, Request r, PageAllocator& allocator, int page_size);

  SequenceId id;
  Request request;
  std::vector<int32_t> tokens;  // the prompt, then what was generated
  int n_computed = 0;           // tokens whose KV is written once the planned steps have run
  int pending_row = -1;         // of a pending token: the row of its step's logits
  int n_in_flight = 0;          // planned steps that were not committed yet
  bool all_planned = false;     // no further step is to be planned
  bool is_cancelled = false;    // nothing more is said of it
  PageTable pages;
  FinishReason finish = FinishReason::kRunning;

  int n_tokens() const { return static_cast<int>(tokens.size()); }
  int n_prompt() const { return static_cast<int>(request.prompt.size()); }
  int n_generated() const { return n_tokens() - n_prompt(); }
  bool has_ended() const { return is_cancelled || finish != FinishReason::kRunning; }
  // A step is planned that draws the token after the last one, from row `row` of its logits.
  void append_pending(int row);
  // The token at `position` became known: decides whether the sequence ends with it, and drops what was planned past
  // it.
  void resolve(int position, int32_t token);
};

}  // namespace bp
