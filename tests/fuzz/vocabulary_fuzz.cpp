// Any bytes as what a GGUF's metadata says of a vocabulary: an error, or a tokenizer that holds what it must. Lines are
// "model pre flags", then tokens, each behind its type and score, up to an empty line; then merges; the rest is the
// normalisation table.
#include <cstdint>
#include <string_view>

#include "tokenizer_check.h"

namespace {

std::string_view next_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

std::string_view next_word(std::string_view& rest) {
  const size_t end = rest.find(' ');
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return word;
}

bp::Vocabulary vocabulary_of(std::string_view rest) {
  bp::Vocabulary v;
  std::string_view head = next_line(rest);
  v.model = next_word(head);
  v.pre = next_word(head);
  const auto has = [&](char flag) { return head.find(flag) != std::string_view::npos; };
  if (has('p')) v.add_space_prefix = has('1');
  if (has('x')) v.remove_extra_spaces = has('1');
  if (has('b')) v.add_bos = has('1');
  if (has('l')) v.lowercase = has('1');
  v.space_as_suffix = has('s');
  v.space_prefix_once = has('o');
  if (has('u')) v.unk = 0;
  if (has('e')) v.eos = 1;
  for (std::string_view line = next_line(rest); line.size() > 1; line = next_line(rest)) {
    v.types.push_back(static_cast<bp::TokenType>(line[0] - '0'));
    v.scores.push_back(static_cast<float>(line[1]) / 3);
    v.tokens.emplace_back(line.substr(2));
  }
  for (std::string_view line = next_line(rest); !line.empty(); line = next_line(rest)) v.merges.emplace_back(line);
  v.chars_map = rest;
  return v;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto made = bp::Tokenizer::create(vocabulary_of({reinterpret_cast<const char*>(data), size}), "fuzz");
  if (made) bp::fuzz::check(*made, bp::fuzz::kText);
  return 0;
}
