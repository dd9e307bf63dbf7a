// Values as text: str(), repr() and json.dumps() of Python.
// Thread-safety: pure functions but for the account of the rendering.
#pragma once

#include <string>

#include "template/value.h"

namespace bp::jinja {

// What {{ value }} writes.
std::string to_text(Run& run, const Value& value);
std::string to_repr(Run& run, const Value& value);

struct JsonForm {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool lines = false;  // with `indent`
  std::string indent;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

// Fails the rendering where a value has no JSON form.
std::string to_json(Run& run, const Value& value, const JsonForm& form);

// & < > ' " as HTML entities.
std::string escape_html(std::string_view text);

}  // namespace bp::jinja
