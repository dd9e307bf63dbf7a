// Changes a text before it is cut into tokens: a list of steps, each working on what the one before it gave.
// Thread-safety: immutable once built; apply() is const.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/chars_map.h"
#include "tokenizer/normal_form.h"
#include "tokenizer/text_pattern.h"

namespace bp {

class Normalizer {
 public:
  // `first`: nothing of the text came before this stretch.
  using Step = std::function<std::string(std::string_view text, bool first)>;

  void add(Step step) { steps_.push_back(std::move(step)); }
  bool empty() const { return steps_.empty(); }
  std::string apply(std::string_view text, bool first) const;

 private:
  std::vector<Step> steps_;
};

// How BERT cleans text before WordPiece.
struct BertNormalization {
  bool clean_text = true;     // drops control characters, makes white space spaces
  bool chinese_chars = true;  // a space on both sides of each
  bool strip_accents = true;
  bool lowercase = true;
};

// What SentencePiece does to a text before its model sees it.
struct SentencePieceNormalization {
  std::shared_ptr<const CharsMap> chars_map = nullptr;  // may be null
  AddedTokenMatcher kept = {};                          // user-defined tokens: as they are
  bool add_space = true;                                // U+2581 before the text (after it with space_as_suffix)
  bool add_space_everywhere = true;                     // before each stretch, not only the first
  bool remove_extra_spaces = false;                     // at the ends, and of several in a row
  bool space_as_suffix = false;
};

Normalizer::Step normal_form_step(NormalForm form);
Normalizer::Step lowercase_step();
// Drops combining marks; NFD before it makes that accents.
Normalizer::Step strip_accents_step();
Normalizer::Step strip_step(bool left, bool right);
Normalizer::Step prepend_step(std::string prefix);
Normalizer::Step replace_step(TextPattern pattern, std::string content);
Normalizer::Step nmt_step();
// Bytes as the byte alphabet writes them.
Normalizer::Step byte_level_step();
// The table as Hugging Face's tokenizers apply it: by grapheme clusters.
Normalizer::Step chars_map_step(std::shared_ptr<const CharsMap> map);
Normalizer::Step bert_step(BertNormalization options);
Normalizer::Step sentence_piece_step(SentencePieceNormalization options);

}  // namespace bp
