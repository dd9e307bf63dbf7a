// Token ids to text: what each token adds, as a stream. The steps are those of Hugging Face's tokenizers; without any,
// the bytes of the tokens are joined.
// Thread-safety: immutable once built; a State belongs to one stream.
// Invariant: what push() and flush() give, joined, does not depend on how the ids come.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/token_table.h"

namespace bp {

class Decoder {
 public:
  struct State {
    bool first = true;       // no token yet
    std::string bytes;       // of an unfinished character, or of byte tokens in a row
    std::string held;        // may still be stripped from the end
    size_t n_stripped = 0;   // from the start
    bool started = false;    // something has come out
    bool space_due = false;  // behind a word, if another token follows
  };
  // Changes the text of one token. `first`: it is the first of the stream.
  using Step = std::function<std::string(std::string_view text, bool first)>;

  // What is left of the text's ends: `count` times `content`.
  struct Strip {
    std::string content = " ";
    size_t count = 0;
  };

  // In a stream that continues a text nothing is the first token, and nothing is stripped from the start.
  static State continuing();
  // Appends to `out` what is certain with this token. REQUIRES: tokens.has(id).
  void push(const TokenTable& tokens, TokenId id, State& state, std::string& out) const;
  void flush(State& state, std::string& out) const;

  void add(Step step) { steps_.push_back(std::move(step)); }

  // The tokens' bytes joined (byte-level, and SentencePiece as GGUF has it); else their text through the steps.
  bool joins_bytes = true;
  bool alphabet = false;                   // the texts are written in the byte alphabet: their bytes joined
  bool byte_fallback = false;              // "<0x41>" is a byte
  bool space_between = false;              // a space between tokens: no decoder at all
  std::optional<std::string> word_suffix;  // "</w>": a space where another token follows
  Strip strip_start, strip_end;

 private:
  void push_text(const TokenTable& tokens, TokenId id, State& state, std::string& out) const;
  void end_bytes(State& state, std::string& out) const;
  void emit(std::string_view text, State& state, std::string& out) const;

  std::vector<Step> steps_;
};

Decoder::Step decode_replace(std::string from, std::string to);
Decoder::Step decode_strip(std::string content, size_t start, size_t stop);
// "##ing" goes on, another token begins a word; `begin_prefix` is what such tokens begin with. `cleanup` takes the
// space from before punctuation and contractions.
Decoder::Step decode_word_piece(std::string begin_prefix, std::string continue_prefix, bool cleanup);
Decoder::Step decode_metaspace(std::string mark, bool prepended);

}  // namespace bp
