// jinja2's filters and tests, and the tojson of transformers.
// Thread-safety: pure functions but for the account of the rendering, whose error they set.
#pragma once

#include <string_view>

#include "template/arguments.h"
#include "template/value.h"

namespace bp::jinja {

struct Filter {
  std::string_view name;
  Value (*apply)(Run& run, const Value& value, const Arguments& arguments);
  size_t n_required = 0;
  std::string_view parameters[4] = {};
  bool takes_any = false;  // arguments, beyond the parameters
};

struct Test {
  std::string_view name;
  size_t n_arguments;
  bool (*holds)(Run& run, const Value& value, const Arguments& arguments);
};

// Null where there is none of that name.
const Filter* find_filter(std::string_view name);
const Test* find_test(std::string_view name);

// Fail the rendering where the arguments are not those it takes.
Value apply_filter(Run& run, const Filter& filter, const Value& value, const Arguments& arguments);
bool apply_test(Run& run, const Test& test, const Value& value, const Arguments& arguments);

// The parts of find_filter.
const Filter* find_text_filter(std::string_view name);
const Filter* find_markup_filter(std::string_view name);
const Filter* find_number_filter(std::string_view name);
const Filter* find_sequence_filter(std::string_view name);

}  // namespace bp::jinja
