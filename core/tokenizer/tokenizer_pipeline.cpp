#include <fmt/format.h>

#include "tokenizer/json_access.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer_spec.h"

namespace bp {
namespace {

constexpr int kMaxDepth = 8;  // of Sequence in Sequence

std::unexpected<Error> unsupported(std::string_view part, std::string_view what, std::string_view where) {
  return fail(ErrorCode::kUnsupported, std::string(where),
              fmt::format("{} \"{}\" is not supported in byte-level BPE", part, what.substr(0, 200)),
              "use a GGUF of this model, or one of a supported family");
}

Status read_normalizer(const json::object& node, TokenizerSpec& spec, std::string_view where, int depth) {
  const std::string_view type = json_text(node, "type");
  if (type == "NFC") {
    spec.nfc = true;
    return {};
  }
  const json::array* parts = json_array(node, "normalizers");
  if (type != "Sequence" || parts == nullptr || depth >= kMaxDepth) return unsupported("normalizer", type, where);
  for (const auto& part : *parts) {
    if (!part.is_object()) return unsupported("normalizer", "?", where);
    BP_TRY_VOID(read_normalizer(part.get_object(), spec, where, depth + 1));
  }
  return {};
}

class PreTokenizerReader {
 public:
  PreTokenizerReader(TokenizerSpec& spec, std::string_view where) : spec_(spec), where_(where) {}

  Status read(const json::object& node, int depth) {
    const std::string_view type = json_text(node, "type");
    if (byte_level_seen_ && type != "Sequence") return unsupported("pre_tokenizer after ByteLevel", type, where_);
    if (type == "Sequence") return read_sequence(node, depth);
    if (type == "ByteLevel") return read_byte_level(node);
    if (type == "Digits") return add(json_flag(node, "individual_digits") ? split_digits : split_digit_runs);
    if (type == "Split") return read_split(node);
    if (type == "Punctuation" && json_text(node, "behavior") == "Contiguous") return add(split_punctuation_runs);
    return unsupported("pre_tokenizer", type, where_);
  }

  bool byte_level_seen() const { return byte_level_seen_; }

 private:
  Status add(Splitter splitter) {
    spec_.splitters.push_back(splitter);
    return {};
  }

  Status read_sequence(const json::object& node, int depth) {
    const json::array* parts = json_array(node, "pretokenizers");
    if (parts == nullptr || depth >= kMaxDepth) return unsupported("pre_tokenizer", "Sequence", where_);
    for (const auto& part : *parts) {
      if (!part.is_object()) return unsupported("pre_tokenizer", "?", where_);
      BP_TRY_VOID(read(part.get_object(), depth + 1));
    }
    return {};
  }

  Status read_byte_level(const json::object& node) {
    byte_level_seen_ = true;
    if (json_flag(node, "add_prefix_space", true)) {
      // Behind another splitter the space would go before each of its pieces.
      if (!spec_.splitters.empty()) return unsupported("pre_tokenizer", "ByteLevel with add_prefix_space", where_);
      spec_.prefix_space = true;
    }
    return json_flag(node, "use_regex", true) ? add(split_gpt2) : Status{};
  }

  Status read_split(const json::object& node) {
    const json::object* pattern = json_object(node, "pattern");
    const std::string_view regex = pattern != nullptr ? json_text(*pattern, "Regex") : std::string_view();
    const Splitter splitter = splitter_of_pattern(regex);
    const std::string_view behavior = json_text(node, "behavior");
    const bool inverted = json_flag(node, "invert");
    // "Remove what does not match" and "cut out what matches" are the same for a pattern that covers all text.
    const bool covers = splitter == split_gpt2 || splitter == split_llama3 || splitter == split_qwen2;
    const bool as_isolated = (behavior == "Isolated" && !inverted) || (behavior == "Removed" && inverted && covers);
    if (splitter == nullptr || !as_isolated) {
      return unsupported("pre_tokenizer", fmt::format("Split {} {}", behavior, regex), where_);
    }
    return add(splitter);
  }

  TokenizerSpec& spec_;
  std::string_view where_;
  bool byte_level_seen_ = false;
};

}  // namespace

Status read_json_pipeline(const json::object& root, TokenizerSpec& spec, std::string_view where) {
  if (const json::value* node = json_member(root, "normalizer")) {
    if (!node->is_object()) return unsupported("normalizer", "?", where);
    BP_TRY_VOID(read_normalizer(node->get_object(), spec, where, 0));
  }
  const json::object* node = json_object(root, "pre_tokenizer");
  if (node == nullptr) return unsupported("pre_tokenizer", "null", where);
  PreTokenizerReader reader(spec, where);
  BP_TRY_VOID(reader.read(*node, 0));
  if (!reader.byte_level_seen()) return unsupported("pre_tokenizer", "without ByteLevel", where);
  if (const json::object* decoder = json_object(root, "decoder")) {
    if (json_text(*decoder, "type") != "ByteLevel") return unsupported("decoder", json_text(*decoder, "type"), where);
  }
  return {};
}

}  // namespace bp
