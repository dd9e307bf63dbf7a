// A tokenizer without tokenizer.json: vocab.json, merges.txt, tokenizer_config.json and added_tokens.json, or vocab.txt
// where the first is empty, in turn and each ended by a zero. Made a tokenizer.json, which is read.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "tokenizer/json_of_files.h"
#include "tokenizer_check.h"

namespace {

std::string_view next_part(std::string_view& rest) {
  const std::string_view part = rest.substr(0, rest.find('\0'));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return part;
}

bp::json::object object_of(std::string_view text) {
  const auto value = bp::parse_json(text, "fuzz");
  return value && value->is_object() ? value->get_object() : bp::json::object();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  bp::TokenizerFiles files;
  files.vocab_json = next_part(rest);
  (files.vocab_json.empty() ? files.vocab_txt : files.merges_txt) = next_part(rest);
  files.tokenizer_config = object_of(next_part(rest));
  files.added_tokens = object_of(next_part(rest));
  files.special_tokens_map = object_of(next_part(rest));
  files.model_type = next_part(rest);
  const auto documents = bp::json_of_files(std::move(files), "fuzz");
  if (!documents) {
    (void)documents.error().message();
    return 0;
  }
  const auto tokenizer = bp::Tokenizer::from_json(bp::write_json(documents->tokenizer),
                                                  bp::write_json(documents->tokenizer_config), "fuzz");
  if (tokenizer) bp::fuzz::check(*tokenizer, bp::fuzz::kText);
  return 0;
}
