// Which tokens come out of merging their own text as themselves, found out on first use: most words of a text are such
// a token, and need no merging.
// Thread-safety: any thread may ask and tell.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "tokenizer/vocabulary.h"

namespace bp {

class WholeTokens {
 public:
  enum class Answer : uint8_t { kNotKnown, kYes, kNo };

  explicit WholeTokens(size_t n_tokens) : answers_(std::make_unique<std::atomic<Answer>[]>(n_tokens)) {}

  Answer get(TokenId id) const { return answers_[static_cast<size_t>(id)].load(std::memory_order_relaxed); }
  void set(TokenId id, bool whole) const {
    answers_[static_cast<size_t>(id)].store(whole ? Answer::kYes : Answer::kNo, std::memory_order_relaxed);
  }

 private:
  std::unique_ptr<std::atomic<Answer>[]> answers_;
};

}  // namespace bp
