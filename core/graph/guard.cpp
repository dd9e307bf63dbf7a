#include "graph/guard.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace bp {

bool Guard::number_holds(const Term& term, double smallest, double largest) {
  const double first = term.numbers.front();
  switch (term.compare) {
    case Compare::kEqual:
      return smallest == largest && std::find(term.numbers.begin(), term.numbers.end(), smallest) != term.numbers.end();
    case Compare::kLess:
      return largest < first;
    case Compare::kLessEqual:
      return largest <= first;
    case Compare::kGreater:
      return smallest > first;
    case Compare::kGreaterEqual:
      return smallest >= first;
  }
  return false;
}

bool Guard::dim_holds(const Term& term, const Graph& graph, const Value& value) {
  const auto rank = static_cast<int64_t>(value.dims.size());
  const int64_t axis = term.axis < 0 ? term.axis + rank : term.axis;
  if (axis < 0 || axis >= rank) return false;
  const Extent& dim = value.dims[static_cast<size_t>(axis)];
  const int64_t smallest = graph.min_size(dim), largest = graph.max_size(dim);
  if (term.modulus == 0) return number_holds(term, static_cast<double>(smallest), static_cast<double>(largest));
  if (smallest == largest) {
    const auto rest = static_cast<double>(smallest % term.modulus);
    return number_holds(term, rest, rest);
  }
  return graph.symbols[static_cast<size_t>(dim.symbol)].multiple_of % term.modulus == 0 && number_holds(term, 0, 0);
}

bool Guard::attr_holds(const Term& term, const AttrValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return std::find(term.words.begin(), term.words.end(), *text) != term.words.end();
  }
  if (term.numbers.empty()) return false;
  const auto* whole = std::get_if<int64_t>(&value);
  const auto* real = std::get_if<double>(&value);
  const double number = whole != nullptr ? static_cast<double>(*whole) : real != nullptr ? *real : 0;
  return number_holds(term, number, number);
}

bool Guard::term_holds(const Term& term, const Graph& graph, const Match& match) {
  if (term.kind == Kind::kAttr) {
    return std::all_of(term.nodes.begin(), term.nodes.end(), [&](size_t index) {
      const AttrValue* value = graph.node(match.nodes[index]).attr(term.key);
      return value != nullptr && attr_holds(term, *value);
    });
  }
  const ValueId id = match.slots[term.slot];
  if (term.kind == Kind::kHas) return number_holds(term, id != kNone, id != kNone);
  if (id == kNone) return true;
  const Value& value = graph.value(id);
  switch (term.kind) {
    case Kind::kDtype:
      return std::find(term.words.begin(), term.words.end(), dtype_name(value.dtype)) != term.words.end();
    case Kind::kDim:
      return dim_holds(term, graph, value);
    case Kind::kRank: {
      const auto rank = static_cast<double>(value.dims.size());
      return number_holds(term, rank, rank);
    }
    case Kind::kLayout:
      return std::find(term.words.begin(), term.words.end(), "file") != term.words.end();
    case Kind::kAttr:
    case Kind::kHas:
      break;
  }
  return false;
}

bool Guard::holds(const Graph& graph, const Match& match, std::string* why) const {
  for (const Term& term : terms_) {
    if (term_holds(term, graph, match)) continue;
    if (why == nullptr) return false;
    *why = term.text + " does not hold";
    if (term.kind == Kind::kAttr || match.slots[term.slot] == kNone) return false;
    const Value& value = graph.value(match.slots[term.slot]);
    *why += fmt::format(": it is {}[", dtype_name(value.dtype));
    for (size_t i = 0; i < value.dims.size(); ++i) {
      const int64_t smallest = graph.min_size(value.dims[i]), largest = graph.max_size(value.dims[i]);
      *why += i == 0 ? "" : ", ";
      *why += smallest == largest ? fmt::format("{}", largest) : fmt::format("{}..{}", smallest, largest);
    }
    *why += "]";
    return false;
  }
  return true;
}

}  // namespace bp
