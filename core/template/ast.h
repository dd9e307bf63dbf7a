// The syntax tree of a template. Names are numbers into Template::names.
// Thread-safety: immutable after parsing.
// Invariant: no tree is deeper than kMaxNesting; chains (a + b + c, a and b and c) are flat.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "template/value.h"

namespace bp::jinja {

inline constexpr int kMaxNesting = 100;

struct Filter;
struct Test;
struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;
using NameId = int32_t;

enum class Op : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

enum class ExpressionKind : uint8_t {
  kConstant,   // value
  kName,       // name
  kTuple,      // children
  kList,       // children
  kDict,       // children: key, value, key, value, …
  kNot,        // child
  kNegate,     // child
  kPlus,       // child
  kAnd,        // children
  kOr,         // children
  kConcat,     // children
  kChain,      // children[0] ops[0] children[1] ops[1] …, from the left
  kCompare,    // the same, as comparisons
  kCondition,  // children: test, then, perhaps else
  kAttribute,  // child, text
  kItem,       // children: of, index
  kSlice,      // children: of, start, stop, step (null where left out)
  kCall,       // children: callee, arguments; keywords, splats
  kFilter,     // children: value (null in a filter block), arguments; keywords, splats; text
  kTest,       // children: value, arguments; keywords, splats; text
};

struct Keyword {
  std::string name;
  ExpressionPtr value;
};

struct Expression {
  ExpressionKind kind = ExpressionKind::kConstant;
  int line = 0;
  int depth = 1;
  NameId name = -1;
  Value value;
  std::unique_ptr<const Text> constant;  // what `value` points to, where it is a text
  std::string text;
  std::vector<ExpressionPtr> children;
  std::vector<Op> ops;
  std::vector<Keyword> keywords;
  ExpressionPtr splat, named_splat;  // of a call: *splat and **named_splat
  const Filter* filter = nullptr;    // what `text` names, where it exists
  const Test* test = nullptr;
};

struct Statement;
using Block = std::vector<std::unique_ptr<Statement>>;

enum class StatementKind : uint8_t {
  kText,      // text
  kPrint,     // value
  kIf,        // branches, otherwise
  kFor,       // target, value, condition?, body, otherwise, recursive
  kSet,       // target, value
  kSetBlock,  // target, value (a filter) or null, body
  kMacro,     // name, macro signature, body
  kCall,      // value (a call), macro signature, body
  kFilter,    // value (a filter), body
  kWith,      // parameters, body
  kScope,     // body
  kLoad,      // another template: none can be had
  kBreak,
  kContinue,
};

struct Parameter {
  NameId name = -1;
  ExpressionPtr value;  // of a macro: the default, or null
};

struct Branch {
  ExpressionPtr test;
  Block body;
};

struct Statement {
  StatementKind kind = StatementKind::kText;
  int line = 0;
  NameId name = -1;
  std::string text;
  ExpressionPtr target;  // a name, a tuple of names, or an attribute of a name (of a namespace)
  ExpressionPtr value;
  ExpressionPtr condition;
  bool recursive = false;
  bool takes_varargs = false, takes_kwargs = false, takes_caller = false;
  std::vector<Parameter> parameters;
  std::vector<Branch> branches;
  Block body;
  Block otherwise;
  std::vector<NameId> unset, otherwise_unset;  // names that have no value as the body begins
};

struct Template {
  std::vector<std::string> names;
  Block body;
  std::vector<NameId> unset;  // names that have no value as it begins, whatever is passed
};

}  // namespace bp::jinja
