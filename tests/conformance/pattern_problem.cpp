#include "pattern_problem.h"

#include <algorithm>

#include "pattern_maker.h"

namespace bp::conformance {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    std::string_view part = text.substr(0, end);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace

PatternProblem::PatternProblem(const bp_kernel& kernel) : kernel_(kernel) {
  auto pattern = Pattern::parse(kernel.pattern, kernel.id);
  if (!pattern.has_value()) return;
  auto guard = Guard::parse(kernel.where == nullptr ? "" : kernel.where, kernel.id, *pattern);
  if (!guard.has_value()) return;
  pattern_ = *std::move(pattern);
  guard_ = *std::move(guard);
  usable_ = true;
  read_guard();
}

// The terms that say which dtypes, attributes and operands to try; the others are met by trying.
void PatternProblem::read_guard() {
  for (const std::string& term : split(kernel_.where == nullptr ? "" : kernel_.where, ';')) {
    const size_t open = term.find('('), close = term.find(")=");
    if (open == std::string::npos || close == std::string::npos || close < open) continue;
    const std::string kind = term.substr(0, open), name = term.substr(open + 1, close - open - 1);
    const std::vector<std::string> values = split(std::string_view(term).substr(close + 2), '|');
    if (kind == "attr") attrs_[name] = values;
    if (kind == "has" && !values.empty()) has_[name] = values.front() == "1";
    if (kind != "dtype") continue;
    for (const std::string& value : values) {
      if (const auto dtype = parse_dtype(value)) dtypes_[name].push_back(*dtype);
    }
    n_dtypes_ = std::max(n_dtypes_, dtypes_[name].size());
  }
}

std::vector<PatternChoice> PatternProblem::choices(size_t dtype) const {
  std::vector<PatternChoice> all;
  if (!usable_) return all;
  for (const int64_t least : {0, 64}) {
    for (const int64_t width : {64, 256, 128}) {
      for (const size_t rank : {2, 3, 1}) {
        for (const size_t alternative : {0, 1}) {
          for (const bool trailing : {false, true}) {
            for (const bool optional : {true, false}) {
              all.push_back({dtype, rank, width, alternative, trailing, optional, least});
            }
          }
        }
      }
    }
  }
  return all;
}

bool PatternProblem::make(Problem& problem, const PatternChoice& choice) const {
  return usable_ && PatternMaker(*this, problem, choice).make();
}

bool PatternProblem::matches(const Problem& problem) const {
  const Graph& graph = problem.graph();
  const Uses readers = uses(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].op != pattern_.root()) continue;
    const auto found = match(graph, readers, pattern_, static_cast<NodeId>(i), nullptr);
    if (found.has_value() && guard_.holds(graph, *found, nullptr)) return true;
  }
  return false;
}

}  // namespace bp::conformance
