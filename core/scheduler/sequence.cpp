#include "scheduler/sequence.h"

#include <algorithm>
#include <utility>

namespace bp {

Sequence::Sequence(SequenceId sequence_id, Request r, PageAllocator& allocator, int page_size)
    : id(sequence_id), request(std::move(r)), tokens(request.prompt), pages(allocator, page_size) {}

void Sequence::append_pending(int row) {
  pending_row = row;
  if (request.max_new_tokens > 0) tokens.push_back(kPendingToken);
  all_planned = n_generated() >= request.max_new_tokens;
}

void Sequence::resolve(int position, int32_t token) {
  if (request.max_new_tokens == 0) {
    finish = FinishReason::kLength;
    return;
  }
  tokens[static_cast<size_t>(position)] = token;
  if (std::ranges::find(request.stop_tokens, token) != request.stop_tokens.end()) {
    finish = FinishReason::kStop;
    tokens.resize(static_cast<size_t>(position) + 1);
  } else if (position + 1 - n_prompt() >= request.max_new_tokens) {
    finish = FinishReason::kLength;
  }
}

}  // namespace bp
