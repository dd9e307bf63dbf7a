// Guards: what a kernel asks of a match beyond its pattern. Terms joined by ';', all of which must hold:
//
//   dtype(x)=f32|bf16     dim(x,-1)%32=0     dim(x,0)>=32     rank(x)=2     attr(rope.mode)=0|1     has(mask)=1
//   layout(w)=file
//
// Comparisons are = < <= > >=; = takes alternatives joined by '|'. A dynamic dim counts with the smallest size of its
// bucket in > and >=, with the largest in < and <=, with its symbol's multiple in %, and equals a number only if its
// bucket is one size. attr(op.key) means every op of that name in the pattern; a dtype may be written by name. A term
// about a slot that is absent holds; has(slot)=1 asks for it. layout knows only "file" (as the model file has it) so
// far. Thread-safety: a Guard is immutable after parse.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/pattern.h"

namespace bp {

class Guard {
 public:
  // An empty text always holds. `where` names the kernel in errors (kRefused); unknown slots, ops and keys are errors.
  static Result<Guard> parse(std::string_view text, std::string_view where, const Pattern& pattern);

  // why (may be null): the term that does not hold, and what it met.
  bool holds(const Graph& graph, const Match& match, std::string* why) const;

 private:
  friend class GuardParser;
  enum class Kind : uint8_t { kDtype, kDim, kRank, kAttr, kHas, kLayout };
  enum class Compare : uint8_t { kEqual, kLess, kLessEqual, kGreater, kGreaterEqual };
  struct Term {
    std::string text;
    Kind kind = Kind::kDtype;
    size_t slot = 0;
    int64_t axis = 0;           // kDim
    int64_t modulus = 0;        // kDim: 0 = none
    std::vector<size_t> nodes;  // kAttr: indices into Match::nodes
    std::string key;            // kAttr
    Compare compare = Compare::kEqual;
    std::vector<double> numbers;
    std::vector<std::string> words;
  };

  static bool term_holds(const Term& term, const Graph& graph, const Match& match);
  static bool dim_holds(const Term& term, const Graph& graph, const Value& value);
  static bool attr_holds(const Term& term, const AttrValue& value);
  static bool number_holds(const Term& term, double smallest, double largest);

  std::vector<Term> terms_;
};

}  // namespace bp
