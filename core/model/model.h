// A model on disk, checked and ready to be built into a graph: a GGUF file, the first shard of one, or a Hugging Face
// folder. Owns the mapped files. Movable; thread-safe once open.
// Invariant: every weight its graph needs is there, with the right shape and a type this build can read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "model/arch/model_source.h"
#include "model/graph_options.h"
#include "model/model_config.h"
#include "model/rope.h"
#include "model/weights.h"

namespace bp {

class Model {
 public:
  // Errors: kRefused for what is malformed or incomplete, kUnsupported for an architecture, switch or weight type this
  // build cannot run, named in the message.
  static Result<Model> open(const std::string& path);

  const ModelConfig& config() const { return config_; }
  // By GGUF's names, whatever the format.
  const Weights& weights() const { return weights_; }
  const RopeTables& rope() const { return rope_; }
  // Sequences of more tokens than that rotate by the second variant of rope().global; 0: there is one only.
  int rope_switch() const;
  // Null for a folder. Its metadata holds the vocabulary and the chat template.
  const GgufFile* gguf() const { return weights_.gguf(); }
  // Empty for a GGUF file.
  const std::string& folder() const { return folder_; }
  const std::string& path() const { return path_; }
  // The file of that name in the folder ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
  // "generation_config.json"), or empty: no such file, or no folder.
  std::string folder_file(const std::string& name) const;

  // Tokens that end a generation, as the model's files name them; may be empty. Errors: kRefused, a malformed file.
  Result<std::vector<int64_t>> end_tokens() const;

  // Inputs (kParam, i32): token_ids, positions, slots [n_tokens]; page_table [n_seqs, max_pages_per_seq];
  // seq_start [n_seqs + 1]; seq_len [n_seqs]; output_rows [n_outputs]; rope_variant [n_tokens] where rope().global has
  // variants; rope_freqs [max_tokens, n_rot / 2] f32 of dynamic rope. Inputs (kKv, kv_dtype): for each layer i "k.i"
  // and "v.i" [n_pages, n_kv_heads, page_size, head_dim], or "kv.i" [n_pages, 1, page_size, kv_rank + rope_dim] of
  // latent attention. Output: "logits" [n_outputs, vocab] f32.
  // Of encoders (config().pooling): inputs token_ids, positions, seq_start and, where one row of each sequence is the
  // result, pooled_rows [n_seqs], its index; output: "embedding" [n_seqs, hidden] f32.
  // The graph's weights point into this object, which must outlive it.
  Result<Graph> build_graph(const GraphOptions& options) const;

 private:
  explicit Model(Weights weights) : weights_(std::move(weights)) {}
  static Result<Model> open_gguf(const std::string& path);
  static Result<Model> open_folder(const std::string& folder);
  Status finish();  // what both formats have in common: checks, and the rope tables

  std::string path_;
  std::string folder_;
  ModelConfig config_;
  Weights weights_;
  RopeTables rope_;
};

}  // namespace bp
