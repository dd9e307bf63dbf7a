#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/src.hpp>  // the library's own code, in this one file: nothing to link
#include <charconv>
#include <cmath>
#include <vector>

namespace bp {
namespace {

// One code point of valid UTF-8, or the byte itself where it is none.
struct CodePoint {
  uint32_t value;
  size_t n_bytes;
};

CodePoint next_code_point(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const size_t n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (n == 1 || at + n > text.size()) return {lead, 1};
  uint32_t value = lead & (0xffu >> (n + 1));
  for (size_t i = 1; i < n; ++i) value = value << 6 | (byte(at + i) & 0x3fu);
  return {value, n};
}

void append_ascii_escape(std::string& out, uint32_t code_point) {
  if (code_point < 0x10000) {
    out += fmt::format("\\u{:04x}", code_point);
    return;
  }
  const uint32_t offset = code_point - 0x10000;
  out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (offset >> 10), 0xdc00 + (offset & 0x3ff));
}

class Writer {
 public:
  explicit Writer(const JsonStyle& style) : style_(style) {}

  void write(const json::value& value, int depth) {
    switch (value.kind()) {
      case json::kind::null:
        out_ += "null";
        break;
      case json::kind::bool_:
        out_ += value.get_bool() ? "true" : "false";
        break;
      case json::kind::int64:
        out_ += fmt::to_string(value.get_int64());
        break;
      case json::kind::uint64:
        out_ += fmt::to_string(value.get_uint64());
        break;
      case json::kind::double_:
        out_ += write_json_double(value.get_double());
        break;
      case json::kind::string:
        out_ += write_json_string(value.get_string(), style_.ensure_ascii);
        break;
      case json::kind::array:
        write_array(value.get_array(), depth);
        break;
      case json::kind::object:
        write_object(value.get_object(), depth);
        break;
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void new_line(int depth) {
    if (style_.indent < 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(style_.indent) * static_cast<size_t>(depth), ' ');
  }

  void write_array(const json::array& array, int depth) {
    out_ += '[';
    for (size_t i = 0; i < array.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line(depth + 1);
      write(array[i], depth + 1);
    }
    if (!array.empty()) new_line(depth);
    out_ += ']';
  }

  void write_object(const json::object& object, int depth) {
    std::vector<const json::key_value_pair*> items;
    items.reserve(object.size());
    for (const auto& item : object) items.push_back(&item);
    if (style_.sort_keys) std::ranges::sort(items, {}, [](const auto* item) { return std::string_view(item->key()); });
    out_ += '{';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      new_line(depth + 1);
      out_ += write_json_string(items[i]->key(), style_.ensure_ascii);
      out_ += style_.key_separator;
      write(items[i]->value(), depth + 1);
    }
    if (!items.empty()) new_line(depth);
    out_ += '}';
  }

  JsonStyle style_;
  std::string out_;
};

}  // namespace

Result<json::value> parse_json(std::string_view text, std::string_view where, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(ErrorCode::kRefused, std::string(where),
                fmt::format("JSON is too large ({} bytes, at most {})", text.size(), limits.max_bytes));
  }
  json::parse_options options;
  options.max_depth = limits.max_depth;
  boost::system::error_code error;
  json::stream_parser parser({}, options);
  try {
    const size_t used = parser.write_some(text.data(), text.size(), error);
    if (!error) parser.finish(error);
    if (!error && text.find_first_not_of(" \t\r\n", used) != std::string_view::npos) error = json::error::extra_data;
    if (!error) return parser.release();
    return fail(ErrorCode::kRefused, std::string(where),
                fmt::format("not valid JSON ({} near byte {})", error.message(), used));
  } catch (const std::exception& e) {
    return fail(ErrorCode::kRefused, std::string(where), fmt::format("cannot read JSON ({})", e.what()));
  }
}

std::string write_json_double(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  char digits[64];
  const double magnitude = std::fabs(value);
  const bool fixed = value == 0 || (magnitude >= 1e-4 && magnitude < 1e16);
  const auto end = std::to_chars(digits, digits + sizeof(digits), value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(digits, end.ptr);
  if (fixed && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string write_json_string(std::string_view text, bool ensure_ascii) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\b') {
      out += "\\b";
    } else if (c == '\f') {
      out += "\\f";
    } else if (byte < 0x20) {
      append_ascii_escape(out, byte);
    } else if (byte >= 0x80 && ensure_ascii) {
      const CodePoint point = next_code_point(text, i);
      append_ascii_escape(out, point.value);
      i += point.n_bytes;
      continue;
    } else {
      out += c;
    }
    ++i;
  }
  return out + '"';
}

std::string write_json(const json::value& value, const JsonStyle& style) {
  Writer writer(style);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace bp
