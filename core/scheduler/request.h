// What a caller asks of the engine: plain data.
#pragma once

#include <cstdint>
#include <vector>

namespace bp {

// How the next token is drawn; see op sample in docs/opset.md. The defaults are greedy.
struct SamplingParams {
  float temperature = 0;
  int32_t top_k = 0;  // 0: all
  float top_p = 1;
  float min_p = 0;
  int64_t seed = 0;
};

struct Request {
  std::vector<int32_t> prompt;  // token ids, at least one
  int max_new_tokens = 0;       // 0: only the prompt is computed
  SamplingParams sampling;
  std::vector<int32_t> stop_tokens;  // the sequence ends after one of them
  bool all_logits = false;           // a row of logits for every prompt token, not only for the last
};

enum class FinishReason : uint8_t { kRunning, kStop, kLength };

}  // namespace bp
