#include "template/value_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "template/macro.h"
#include "template/operators.h"
#include "template/unicode_class.h"
#include "template/unicode_text.h"

namespace bp::jinja {
namespace {

void append_text_repr(std::string& out, std::string_view text) {
  const char quote = text.contains('\'') && !text.contains('"') ? '"' : '\'';
  out += quote;
  for (size_t at = 0; at < text.size();) {
    const size_t n = char_bytes(text, at);
    const char32_t c = char_at(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (is_printable(c)) {
      out += text.substr(at, n);
    } else {
      const auto number = static_cast<uint32_t>(c);
      out += c < 0x100     ? fmt::format("\\x{:02x}", number)
             : c < 0x10000 ? fmt::format("\\u{:04x}", number)
                           : fmt::format("\\U{:08x}", number);
    }
    at += n;
  }
  out += quote;
}

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return write_json_double(value);
}

class Writer {
 public:
  explicit Writer(Run& run) : run_(run) {}

  std::string take() { return std::move(out_); }

  void repr(const Value& value) {
    if (!may_go_on()) return;
    switch (value.kind()) {
      case Kind::kText:
        if (value.is_safe_text()) out_ += "Markup(";
        append_text_repr(out_, value.text());
        if (value.is_safe_text()) out_ += ')';
        break;
      case Kind::kUndefined:
        out_ += "Undefined";
        break;
      case Kind::kList:
        repr_items(value.items(), "[", "]");
        break;
      case Kind::kTuple:
        repr_items(value.items(), "(", value.items().size() == 1 ? ",)" : ")");
        break;
      case Kind::kView:
        out_ += type_name(value);
        repr_items(value.items(), "([", "])");
        break;
      case Kind::kDict:
        repr_dict(value.dict().items);
        break;
      default:
        plain(value);
    }
  }

  void plain(const Value& value) {
    switch (value.kind()) {
      case Kind::kUndefined:
        break;
      case Kind::kNone:
        out_ += "None";
        break;
      case Kind::kBool:
        out_ += value.as_bool() ? "True" : "False";
        break;
      case Kind::kInt:
        out_ += fmt::to_string(value.as_int());
        break;
      case Kind::kFloat:
        out_ += float_text(value.as_float());
        break;
      case Kind::kText:
        out_ += value.text();
        break;
      case Kind::kRange: {
        const Range& range = value.range();
        out_ += fmt::format("range({}, {}", range.start, range.stop);
        out_ += range.step != 1 ? fmt::format(", {})", range.step) : ")";
        break;
      }
      case Kind::kNamespace:
        repr_namespace(value.space());
        break;
      case Kind::kMacro:
        out_ += value.macro().name.empty() ? "<Macro anonymous>" : fmt::format("<Macro '{}'>", value.macro().name);
        break;
      case Kind::kList:
      case Kind::kTuple:
      case Kind::kView:
      case Kind::kDict:
        repr(value);
        break;
      default:
        out_ += fmt::format("<{} object>", type_name(value));
    }
  }

  void json(const Value& value, const JsonForm& form, size_t depth) {
    if (!may_go_on()) return;
    switch (value.kind()) {
      case Kind::kNone:
        out_ += "null";
        break;
      case Kind::kBool:
        out_ += value.as_bool() ? "true" : "false";
        break;
      case Kind::kInt:
        out_ += fmt::to_string(value.as_int());
        break;
      case Kind::kFloat:
        out_ += write_json_double(value.as_float());
        break;
      case Kind::kText:
        out_ += write_json_string(value.text(), form.ensure_ascii);
        break;
      case Kind::kList:
      case Kind::kTuple:
        json_list(value.items(), form, depth);
        break;
      case Kind::kDict:
        json_dict(value.dict().items, form, depth);
        break;
      default:
        run_.fail(fmt::format("Object of type {} is not JSON serializable", type_name(value)));
    }
  }

 private:
  bool may_go_on() {
    if (out_.size() > run_.limits().max_output_bytes) run_.fail("the limit of output is reached");
    return run_.step();
  }

  void repr_items(const Values& items, std::string_view open, std::string_view close) {
    out_ += open;
    for (size_t i = 0; i < items.size() && !run_.failed(); ++i) {
      if (i > 0) out_ += ", ";
      repr(items[i]);
    }
    out_ += close;
  }

  void repr_dict(const Items& items) {
    out_ += '{';
    for (size_t i = 0; i < items.size() && !run_.failed(); ++i) {
      if (i > 0) out_ += ", ";
      repr(items[i].first);
      out_ += ": ";
      repr(items[i].second);
    }
    out_ += '}';
  }

  void repr_namespace(const Namespace& space) {
    if (std::ranges::find(open_, &space) != open_.end()) {  // it may hold itself
      out_ += "<Namespace {...}>";
      return;
    }
    open_.push_back(&space);
    if (std::ssize(open_) > run_.limits().max_depth) run_.fail("the limit of depth is reached by a namespace");
    out_ += "<Namespace {";
    for (size_t i = 0; i < space.members.size() && !run_.failed(); ++i) {
      if (i > 0) out_ += ", ";
      append_text_repr(out_, space.members[i].first);
      out_ += ": ";
      repr(space.members[i].second);
    }
    out_ += "}>";
    open_.pop_back();
  }

  void new_line(const JsonForm& form, size_t depth) {
    if (!form.lines || !run_.may_make(form.indent.size() * depth)) return;
    out_ += '\n';
    for (size_t i = 0; i < depth; ++i) out_ += form.indent;
  }

  void json_list(const Values& items, const JsonForm& form, size_t depth) {
    out_ += '[';
    for (size_t i = 0; i < items.size() && !run_.failed(); ++i) {
      if (i > 0) out_ += form.item_separator;
      new_line(form, depth + 1);
      json(items[i], form, depth + 1);
    }
    if (!items.empty()) new_line(form, depth);
    out_ += ']';
  }

  void json_dict(const Items& dict, const JsonForm& form, size_t depth) {
    std::vector<const Items::value_type*> items;
    for (const auto& item : dict) items.push_back(&item);
    if (form.sort_keys) {
      std::ranges::stable_sort(items, [&](const auto* a, const auto* b) { return less(run_, a->first, b->first); });
    }
    out_ += '{';
    for (size_t i = 0; i < items.size() && !run_.failed(); ++i) {
      if (i > 0) out_ += form.item_separator;
      new_line(form, depth + 1);
      json_key(items[i]->first, form);
      out_ += form.key_separator;
      json(items[i]->second, form, depth + 1);
    }
    if (!items.empty()) new_line(form, depth);
    out_ += '}';
  }

  void json_key(const Value& key, const JsonForm& form) {
    if (key.is(Kind::kText)) return json(key, form, 0);
    if (!key.is_number() && !key.is(Kind::kNone)) {
      return run_.fail(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(key)));
    }
    out_ += '"';
    json(key, form, 0);
    out_ += '"';
  }

  Run& run_;
  std::string out_;
  std::vector<const Namespace*> open_;
};

}  // namespace

std::string to_text(Run& run, const Value& value) {
  if (value.is(Kind::kText)) return std::string(value.text());
  Writer writer(run);
  writer.plain(value);
  return writer.take();
}

std::string to_repr(Run& run, const Value& value) {
  Writer writer(run);
  writer.repr(value);
  return writer.take();
}

std::string to_json(Run& run, const Value& value, const JsonForm& form) {
  Writer writer(run);
  writer.json(value, form, 0);
  return writer.take();
}

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace bp::jinja
