#include "template/filters.h"

#include <fmt/format.h>

#include <algorithm>

namespace bp::jinja {
namespace {

bool accepts(Run& run, const Filter& filter, const Arguments& arguments) {
  const auto* end = std::ranges::find(filter.parameters, std::string_view());
  const auto n_parameters = static_cast<size_t>(end - filter.parameters);
  const size_t n = arguments.positional.size();
  if (n > n_parameters && !filter.takes_any) {
    run.fail(fmt::format("the filter '{}' takes at most {} arguments ({} given)", filter.name, n_parameters, n));
  }
  size_t n_named = 0;
  for (const auto& [name, value] : arguments.named) {
    const auto place = static_cast<size_t>(std::find(filter.parameters, end, name) - filter.parameters);
    if (place >= n && place < n_parameters) {
      n_named += place < filter.n_required ? 1 : 0;
    } else if (!filter.takes_any) {
      run.fail(fmt::format("the filter '{}' got an unexpected keyword argument '{}'", filter.name, name));
    }
  }
  if (n + n_named < filter.n_required) run.fail(fmt::format("the filter '{}' misses an argument", filter.name));
  return !run.failed();
}

}  // namespace

const Filter* find_filter(std::string_view name) {
  for (const auto find : {find_text_filter, find_sequence_filter, find_number_filter, find_markup_filter}) {
    if (const Filter* filter = find(name)) return filter;
  }
  return nullptr;
}

Value apply_filter(Run& run, const Filter& filter, const Value& value, const Arguments& arguments) {
  if (!run.step(1 + (value.is(Kind::kText) ? value.text().size() >> 10 : 0))) return {};
  return accepts(run, filter, arguments) ? filter.apply(run, value, arguments) : Value();
}

bool apply_test(Run& run, const Test& test, const Value& value, const Arguments& arguments) {
  if (!run.step(1 + (value.is(Kind::kText) ? value.text().size() >> 10 : 0))) return false;
  const size_t n = arguments.positional.size() + arguments.named.size();
  if (n != test.n_arguments || !arguments.named.empty()) {
    run.fail(fmt::format("the test '{}' takes {} arguments, not {}", test.name, test.n_arguments, n));
    return false;
  }
  return test.holds(run, value, arguments);
}

}  // namespace bp::jinja
