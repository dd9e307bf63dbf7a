// Cuts text into pre-tokens: the pieces that the model never looks across. A list of steps, each cutting, dropping or
// rewriting what the one before it left.
// Thread-safety: immutable once built; split() is const.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/splitters.h"
#include "tokenizer/text_pattern.h"

namespace bp {

// A text and its pieces, in order, none empty, none overlapping.
struct PreTokens {
  std::string_view text;  // what `pieces` cut; views `rewritten` once a step has changed it
  std::vector<TextRange> pieces;
  bool starts_text = false;  // the first piece begins where the whole text does

  std::string rewritten;
};

class PreTokenizer {
 public:
  using Step = std::function<void(PreTokens&)>;

  PreTokenizer() = default;
  explicit PreTokenizer(std::vector<Splitter> splitters) : splitters_(std::move(splitters)) {}

  void add(Splitter splitter);
  void add(Step step) { steps_.push_back(std::move(step)); }

  // `first`: nothing of the text came before this stretch. The result views `text` or itself: keep both.
  void split(std::string_view text, bool first, PreTokens& out) const;

 private:
  std::vector<Splitter> splitters_;  // run before the steps
  std::vector<Step> steps_;
};

// What becomes of the matches that a step finds (Hugging Face's SplitDelimiterBehavior).
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

// Appends the matches in a text.
using Finder = std::function<void(std::string_view text, std::vector<TextRange>& out)>;

// `invert`: what lies between the matches counts as the matches.
PreTokenizer::Step split_step(Finder finder, SplitBehavior behavior, bool invert);
PreTokenizer::Step split_step(TextPattern pattern, SplitBehavior behavior, bool invert);
PreTokenizer::Step splitter_step(Splitter splitter);

enum class PrependScheme { kAlways, kNever, kFirst };
// Spaces become `mark`; `scheme` says which pieces get one before them; `split` cuts before each mark.
PreTokenizer::Step metaspace_step(std::string mark, PrependScheme scheme, bool split);
// A space before each piece that has none; `alphabet` rewrites in the byte alphabet.
PreTokenizer::Step byte_level_step(bool prefix_space, bool alphabet);

// Finders of single characters.
Finder find_white_space();
Finder find_digits();
Finder find_punctuation();
Finder find_text(std::string text);
// \w+|[^\w\s]+
Finder find_words();

}  // namespace bp
