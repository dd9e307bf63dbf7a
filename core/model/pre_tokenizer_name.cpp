#include "model/pre_tokenizer_name.h"

#include <fmt/ranges.h>

#include <string_view>
#include <vector>

namespace bp {
namespace {

// One step: a pattern, or "<digits>", "<digit>", "<punctuation>", "<bytes>" for steps that have none.
using Steps = std::vector<std::string>;

constexpr std::string_view kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt2Short = R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kBloom = R"( ?[^(\s|.,!?…。，、।۔،)]+)";

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

void add_steps(const json::object& step, Steps& steps) {
  const std::string type = text_of(step, "type");
  if (type == "Sequence") {
    const json::value* inner = step.if_contains("pretokenizers");
    if (inner == nullptr || !inner->is_array()) return;
    for (const json::value& item : inner->get_array()) {
      // Sequences within sequences do not occur; their steps would stay unnamed.
      if (item.is_object() && text_of(item.get_object(), "type") != "Sequence") add_steps(item.get_object(), steps);
    }
  } else if (type == "Split") {
    const json::object* pattern = object_of(step, "pattern");
    const std::string regex = pattern == nullptr ? std::string() : text_of(*pattern, "Regex");
    steps.push_back(regex.empty() ? "<text>" : regex == kGpt2Short ? std::string(kGpt2) : regex);
  } else if (type == "ByteLevel") {
    if (flag_of(step, "use_regex", true)) steps.emplace_back(kGpt2);
  } else if (type == "Digits") {
    steps.emplace_back(flag_of(step, "individual_digits", false) ? "<digit>" : "<digits>");
  } else {
    steps.push_back("<" + type + ">");
  }
}

Steps steps_of(const json::object& tokenizer) {
  Steps steps;
  if (const json::object* pre = object_of(tokenizer, "pre_tokenizer")) add_steps(*pre, steps);
  return steps;
}

bool composes_characters(const json::object& tokenizer) {
  const json::object* normalizer = object_of(tokenizer, "normalizer");
  return normalizer != nullptr && text_of(*normalizer, "type") == "NFC";
}

}  // namespace

std::optional<std::string> gguf_pre_tokenizer_name(const json::object& tokenizer_json) {
  const Steps steps = steps_of(tokenizer_json);
  const json::object* model = object_of(tokenizer_json, "model");
  const bool ignores_merges = model != nullptr && flag_of(*model, "ignore_merges", false);
  const auto is = [&](std::initializer_list<std::string_view> wanted) {
    return std::equal(steps.begin(), steps.end(), wanted.begin(), wanted.end());
  };
  if (is({kGpt2})) return "gpt-2";
  if (is({"<digit>", kGpt2}) || is({R"(\p{N})", kGpt2})) return "smollm";
  if (is({kLlama3})) return ignores_merges ? "llama-bpe" : "dbrx";
  if (is({kQwen2})) return composes_characters(tokenizer_json) ? "qwen2" : "stablelm2";
  if (is({kQwen35})) return "qwen35";
  if (is({kGpt4o})) return "gpt-4o";
  if (is({kTekken})) return "tekken";
  if (is({kBloom})) return "bloom";
  if (is({"<Punctuation>", kGpt2, "<digits>", "[0-9][0-9][0-9]"})) return "falcon";
  if (steps.size() == 3 && steps[0] == R"(\p{N}{1,3})" && steps[2].starts_with("[!\"#$%&'()*+,")) return "deepseek-v3";
  if (steps.size() == 5 && steps[1] == R"(\s?\p{L}+)" && steps[2] == R"(\s?\p{P}+)") return "deepseek-coder";
  if (steps.size() >= 5 && steps[1].starts_with(R"(\s?[A-Za-z)")) return "deepseek-llm";
  return std::nullopt;
}

std::string pre_tokenizer_text(const json::object& tokenizer_json) {
  return fmt::format("{}", fmt::join(steps_of(tokenizer_json), "  "));
}

}  // namespace bp
