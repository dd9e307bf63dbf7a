#include "template/filters.h"

#include <fmt/format.h>

#include "template/operators.h"

namespace bp::jinja {

Value apply_filter(Run& run, std::string_view name, const Value& value, const Arguments& arguments) {
  if (!run.step(1 + (value.is(Kind::kText) ? value.text().size() >> 10 : 0))) return {};
  for (const auto find : {find_text_filter, find_number_filter, find_sequence_filter}) {
    if (const Filter filter = find(name)) return filter(run, value, arguments);
  }
  run.fail(fmt::format("No filter named '{}'.", name));
  return {};
}

}  // namespace bp::jinja
