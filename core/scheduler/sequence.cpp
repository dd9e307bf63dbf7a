#include "scheduler/sequence.h"

#include <algorithm>
#include <utility>

namespace bp {

Sequence::Sequence(SequenceId sequence_id, Request r, PageAllocator& allocator, int page_size)
    : id(sequence_id), request(std::move(r)), tokens(request.prompt), pages(allocator, page_size) {}

void Sequence::append(int32_t token) {
  tokens.push_back(token);
  if (std::ranges::find(request.stop_tokens, token) != request.stop_tokens.end()) {
    finish = FinishReason::kStop;
  } else if (n_generated() >= request.max_new_tokens) {
    finish = FinishReason::kLength;
  }
}

}  // namespace bp
