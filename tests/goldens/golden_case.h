// A golden on disk (see README.md): what the reference implementation computes for one model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bp {

// tests/goldens/data and tests/goldens/long of the source tree.
std::filesystem::path golden_data();
std::filesystem::path golden_long_data();

struct GoldenEmbedding {
  std::vector<int32_t> ids;
  std::vector<float> values;  // [hidden]
};

struct GoldenSequence {
  std::vector<int32_t> ids;
  std::vector<float> logits;  // [n_ids, vocab]
};

struct GoldenCase {
  std::vector<int32_t> ids;
  std::vector<float> logits;    // [n_rows, vocab]
  std::vector<int64_t> rows;    // the positions of `logits`; all of them, in order, where the file names none
  std::vector<int32_t> greedy;  // how it goes on; may be empty
  std::vector<GoldenEmbedding> embeddings;  // instead of logits
  std::vector<GoldenSequence> others;       // sequences to run beside it
  double spread = 0;                        // standard deviation of the logits, or of the embeddings' elements
  double margin = 0;                        // smallest gap between the best two over the greedy steps
  size_t prefix_min = 1;                    // shorter prefixes of `ids` compute something else

  bool embeds() const { return !embeddings.empty(); }
};

// Reads expected.safetensors and case.json of `folder`, and the ids that long goldens share from the folder above; a
// test failure where they are malformed.
GoldenCase read_golden_case(const std::filesystem::path& folder);

// The folders of `data` that hold a golden, by name.
std::vector<std::string> golden_names(const std::filesystem::path& data);

}  // namespace bp
