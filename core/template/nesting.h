// How deep the parser's own recursion is.
// Not thread-safe: used by one parser.
#pragma once

#include "template/expression_parser.h"

namespace bp::jinja {

// Counts how deep the parser is; beyond kMaxNesting the template is refused.
class Nesting {
 public:
  explicit Nesting(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.nesting_ > kMaxNesting) parser_.fail("it is nested too deeply");
  }
  ~Nesting() { --parser_.nesting_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  ExpressionParser& parser_;
};

}  // namespace bp::jinja
