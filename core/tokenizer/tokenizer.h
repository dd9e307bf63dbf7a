// Text to token ids and back, for one vocabulary.
// Thread-safety: immutable after creation; every const function may be called from several threads at once.
// Invariant: every id that encode() gives is < size().
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/decoder.h"
#include "tokenizer/vocabulary.h"

namespace bp {

struct TokenizerSpec;

struct EncodeOptions {
  bool add_special = false;    // what the model adds: BOS before, EOS after
  bool parse_special = false;  // control tokens written in the text become their ids
};

class Tokenizer {
 public:
  // From a GGUF's metadata, or what a tokenizer.model says in its terms. `where` names it in errors: kRefused for a
  // vocabulary that contradicts itself, kUnsupported for a kind of vocabulary or pre-tokenizer that we do not have.
  static Result<Tokenizer> create(Vocabulary vocabulary, std::string_view where);
  // From Hugging Face's tokenizer.json, by the pipeline it declares, and tokenizer_config.json (may be empty), which
  // names BOS and EOS. Errors: kRefused for a damaged file, kUnsupported naming the part that we do not have.
  static Result<Tokenizer> from_json(std::string_view tokenizer_json, std::string_view tokenizer_config_json,
                                     std::string_view where);

  // From a tokenizer.model, with the tokenizer_config.json and added_tokens.json beside it (either may be empty).
  // The class that the configuration names may number the tokens anew (XLM-RoBERTa: where none is named, by `where`
  // ending in sentencepiece.bpe.model). Errors as of create() and from_json(); kUnsupported also for a class that does
  // so in a way that we do not have.
  static Result<Tokenizer> from_sentence_piece(std::string_view model, std::string_view tokenizer_config_json,
                                               std::string_view added_tokens_json, std::string_view where);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Bytes that are no UTF-8 are encoded as bytes.
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options = {}) const;
  // Bytes that are no UTF-8 become U+FFFD; ids that are no token are left out.
  std::string decode(std::span<const TokenId> ids, bool skip_special) const;

  size_t size() const;
  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;
  bool is_end_of_generation(TokenId id) const;
  // A control token (or the unknown one): not part of the text.
  bool is_special(TokenId id) const;
  // One token of a stream: appends the text that is certain now to `out`.
  void decode_next(TokenId id, bool skip_special, Decoder::State& state, std::string& out) const;
  void decode_end(Decoder::State& state, std::string& out) const;
  // The bytes a token stands for, perhaps part of a character; empty where `id` is no token. Valid while this lives.
  std::string_view piece_bytes(TokenId id) const;
  // The token that the vocabulary file writes `token`.
  std::optional<TokenId> find(std::string_view token) const;

 private:
  struct Parts;

  explicit Tokenizer(std::unique_ptr<const Parts> parts);
  static Result<Tokenizer> build(TokenizerSpec& spec, std::string_view where);
  struct Run;
  void encode_raw(std::string_view text, Run& run) const;
  void encode_normalized(std::string_view text, Run& run) const;

  std::unique_ptr<const Parts> parts_;
};

}  // namespace bp
