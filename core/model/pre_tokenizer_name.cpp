#include "model/pre_tokenizer_name.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "tokenizer/pre_tokenizer_family.h"
#include "tokenizer/pre_tokenizer_patterns.h"
#include "tokenizer/pre_tokenizer_table.h"
#include "tokenizer/utf8.h"

namespace bp {
namespace {

// One step: a pattern as pre_tokenizer_patterns.h writes it, or "<type>" for a step that has none.
using Steps = std::vector<std::string>;

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool flag_of(const json::object& object, std::string_view key, bool missing) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() ? value->get_bool() : missing;
}

const json::object* object_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}

// in_bytes: a ByteLevel came.
void add_steps(const json::object& step, bool& in_bytes, Steps& steps) {
  const std::string type = text_of(step, "type");
  if (type == "Sequence") {
    const json::value* inner = step.if_contains("pretokenizers");
    if (inner == nullptr || !inner->is_array()) return;
    for (const json::value& item : inner->get_array()) {
      // Sequences within sequences do not occur; their steps would stay unnamed.
      if (item.is_object() && text_of(item.get_object(), "type") != "Sequence")
        add_steps(item.get_object(), in_bytes, steps);
    }
  } else if (type == "Split") {
    const json::object* expression = object_of(step, "pattern");
    const std::string regex = expression == nullptr ? std::string() : text_of(*expression, "Regex");
    steps.push_back(regex.empty() ? "<text>" : regex);
  } else if (type == "ByteLevel") {
    if (flag_of(step, "use_regex", true)) steps.emplace_back(pattern::kGpt2);
    in_bytes = true;
  } else if (type == "Digits") {
    const bool single = flag_of(step, "individual_digits", false);
    steps.emplace_back(single ? pattern::kOneNumber : in_bytes ? pattern::kAlphabetDigitRuns : pattern::kNumbers);
  } else {
    steps.push_back("<" + type + ">");
  }
}

Steps steps_of(const json::object& tokenizer) {
  Steps steps;
  bool in_bytes = false;
  if (const json::object* pre = object_of(tokenizer, "pre_tokenizer")) add_steps(*pre, in_bytes, steps);
  return steps;
}

bool composes_characters(const json::object& tokenizer) {
  const json::object* normalizer = object_of(tokenizer, "normalizer");
  return normalizer != nullptr && text_of(*normalizer, "type") == "NFC";
}

// \uXXXX and \x{…} as the characters they stand for.
std::string with_characters(std::string_view regex) {
  std::string out;
  while (!regex.empty()) {
    const bool braces = regex.starts_with("\\x{") && regex.contains('}');
    const std::string_view digits = braces                     ? regex.substr(3, regex.find('}') - 3)
                                    : regex.starts_with("\\u") ? regex.substr(2, 4)
                                                               : std::string_view();
    uint32_t code_point = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code_point, 16);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
      const size_t n = regex.starts_with('\\') ? std::min<size_t>(2, regex.size()) : 1;
      out += regex.substr(0, n);
      regex.remove_prefix(n);
    } else {
      utf8::append(out, code_point);
      regex.remove_prefix(digits.size() + (braces ? 4 : 2));
    }
  }
  return out;
}

// Whether two expressions are ways to write one: the same text once \uXXXX is its character, or known to split alike.
bool same_pattern(std::string_view a, std::string_view b) {
  if (with_characters(a) == with_characters(b)) return true;
  const Splitter splitter = splitter_of_pattern(a);
  return splitter != nullptr && splitter == splitter_of_pattern(b);
}

}  // namespace

std::optional<std::string> gguf_pre_tokenizer_name(const json::object& tokenizer_json) {
  const Steps steps = steps_of(tokenizer_json);
  const json::object* model = object_of(tokenizer_json, "model");
  const bool ignores_merges = model != nullptr && flag_of(*model, "ignore_merges", false);
  const bool composes = composes_characters(tokenizer_json);
  std::optional<std::string> nearly;
  for (const NamedPreTokenizer& known : named_pre_tokenizers()) {
    if (!std::ranges::equal(steps, known.patterns, same_pattern)) continue;
    if (known.nfc == composes && known.ignore_merges == ignores_merges) return std::string(known.names[0]);
    if (!nearly) nearly = known.names[0];
  }
  return nearly;
}

std::string pre_tokenizer_text(const json::object& tokenizer_json) {
  return fmt::format("{}", fmt::join(steps_of(tokenizer_json), "  "));
}

}  // namespace bp
