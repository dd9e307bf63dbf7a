#include "model/arch/tensor_names.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace bp {
namespace {

constexpr std::string_view kNumber = "{}";

// Matches `pattern` at the start of `text`; the numbers go to `numbers`. Returns what is left of the text.
std::optional<std::string_view> match(std::string_view pattern, std::string_view text, std::vector<int64_t>& numbers) {
  numbers.clear();
  while (!pattern.empty()) {
    const size_t at = pattern.find(kNumber);
    const std::string_view literal = pattern.substr(0, at);
    if (!text.starts_with(literal)) return std::nullopt;
    text.remove_prefix(literal.size());
    if (at == std::string_view::npos) break;
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0) return std::nullopt;
    numbers.push_back(number);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    pattern.remove_prefix(at + kNumber.size());
  }
  return text;
}

// As many numbers as the pattern has places; the others are left out.
std::string fill(std::string_view pattern, const std::vector<int64_t>& numbers) {
  std::string out;
  size_t next = 0;
  while (!pattern.empty()) {
    const size_t at = pattern.find(kNumber);
    out += pattern.substr(0, at);
    if (at == std::string_view::npos) break;
    out += next < numbers.size() ? std::to_string(numbers[next++]) : "*";
    pattern.remove_prefix(at + kNumber.size());
  }
  return out;
}

bool is_suffix(std::string_view rest) { return rest.empty() || rest.front() == '.' || rest.front() == '_'; }

std::string_view without_prefix(const TensorNames& names, std::string_view name) {
  for (const std::string_view prefix : names.prefixes) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

}  // namespace

bool is_ignored(const TensorNames& names, std::string_view hf_name) {
  if (hf_name.ends_with(".rotary_emb.inv_freq")) return true;  // computed from the config
  std::vector<int64_t> numbers;
  return std::ranges::any_of(names.ignored, [&](std::string_view start) {
    return match(start, without_prefix(names, hf_name), numbers).has_value();
  });
}

std::optional<GgufName> gguf_name_of(const TensorNames& names, std::string_view hf_name) {
  const std::string_view name = without_prefix(names, hf_name);
  std::vector<int64_t> numbers;
  for (const bool whole : {true, false}) {
    for (const TensorName& line : names.table) {
      const auto rest = match(line.hf, name, numbers);
      if (!rest || (whole ? !rest->empty() : rest->empty() || !is_suffix(*rest))) continue;
      GgufName found;
      if (!numbers.empty()) found.layer = numbers[0];
      if (numbers.size() > 1 && line.gguf.find(kNumber) == line.gguf.rfind(kNumber)) found.expert = numbers[1];
      found.name = fill(line.gguf, numbers) + std::string(*rest);
      return found;
    }
  }
  return std::nullopt;
}

std::string hf_name_of(const TensorNames& names, std::string_view gguf) {
  const TensorName* best = nullptr;  // the longest: attn_q_norm is no suffix of attn_q
  for (const TensorName& line : names.table) {
    std::vector<int64_t> numbers;
    const auto rest = match(line.gguf, gguf, numbers);
    const bool longer = best == nullptr || line.gguf.size() > best->gguf.size();
    if (rest && longer && is_suffix(*rest)) best = &line;
  }
  if (best == nullptr) return std::string(gguf);
  std::vector<int64_t> numbers;
  const std::string rest(*match(best->gguf, gguf, numbers));
  const bool in_body = !names.prefixes.empty() && best->hf.find("lm_head") == std::string_view::npos;
  return std::string(in_body ? names.prefixes.back() : "") + fill(best->hf, numbers) + rest;
}

}  // namespace bp
