// The "pre_tokenizer" of a tokenizer.json, see json_pipeline.h
#include <fmt/format.h>

#include "tokenizer/json_access.h"
#include "tokenizer/json_pipeline.h"
#include "tokenizer/pre_tokenizer_family.h"

namespace bp {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

Result<SplitBehavior> behavior_of(const json::object& node, std::string_view where) {
  const std::string_view name = json_text(node, "behavior");
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return unsupported_part("behavior", name, where);
}

std::string_view regex_of(const json::object& node) {
  const json::object* pattern = json_object(node, "pattern");
  return pattern != nullptr ? json_text(*pattern, "Regex") : std::string_view();
}

bool is_contiguous_digits(const json::object& node) {
  return json_text(node, "type") == "Digits" && !json_flag(node, "individual_digits");
}

bool is_three_digits(const json::object& node) {
  return json_text(node, "type") == "Split" && regex_of(node) == "[0-9][0-9][0-9]" &&
         json_text(node, "behavior") == "Isolated" && !json_flag(node, "invert");
}

class Reader {
 public:
  Reader(PreTokenizer& out, bool bytes, std::string_view where) : out_(out), bytes_(bytes), where_(where) {}

  Status read(const json::object& node) {
    const std::string_view type = json_text(node, "type");
    // Falcon's pipeline goes on behind the alphabet.
    if (bytes_ && in_bytes_) {
      out_.add(is_three_digits(node) ? split_three_digits : split_alphabet_digit_runs);
      return {};
    }
    if (type == "ByteLevel") return read_byte_level(node);
    if (type == "Split") return read_split(node);
    if (type == "Metaspace") return read_metaspace(node);
    if (type == "Digits") return read_digits(node);
    if (type == "Punctuation") return read_punctuation(node);
    if (type == "Whitespace") return add(find_words(), SplitBehavior::kRemoved, true);
    if (type == "WhitespaceSplit") return add(find_white_space(), SplitBehavior::kRemoved, false);
    if (type == "CharDelimiterSplit")
      return add(find_text(std::string(json_text(node, "delimiter"))), SplitBehavior::kRemoved, false);
    if (type == "BertPreTokenizer") {
      BP_TRY_VOID(add(find_white_space(), SplitBehavior::kRemoved, false));
      return add(find_punctuation(), SplitBehavior::kIsolated, false);
    }
    return unsupported_part("pre_tokenizer", type, where_);
  }

 private:
  Status add(Finder finder, SplitBehavior behavior, bool invert) {
    out_.add(split_step(std::move(finder), behavior, invert));
    return {};
  }

  Status read_byte_level(const json::object& node) {
    const bool prefix = json_flag(node, "add_prefix_space", true);
    if (prefix) out_.add(byte_level_step(true, false));
    if (json_flag(node, "use_regex", true)) out_.add(split_gpt2);
    if (!bytes_) out_.add(byte_level_step(false, true));
    in_bytes_ = true;
    return {};
  }

  Status read_split(const json::object& node) {
    BP_TRY(const SplitBehavior behavior, behavior_of(node, where_));
    const bool invert = json_flag(node, "invert");
    const Splitter splitter = splitter_of_pattern(regex_of(node));
    // "Remove what does not match" and "cut out what matches" are the same for a pattern that covers all text.
    const bool covers = splitter == split_gpt2 || splitter == split_llama3 || splitter == split_qwen2 ||
                        splitter == split_gpt4o || splitter == split_tekken || splitter == split_qwen35 ||
                        splitter == split_llama3_any_digits || splitter == split_qwen2_no_contractions;
    const bool isolated = behavior == SplitBehavior::kIsolated && !invert;
    if (splitter != nullptr && (isolated || (behavior == SplitBehavior::kRemoved && invert && covers))) {
      out_.add(splitter);
      return {};
    }
    BP_TRY(TextPattern pattern, read_pattern(node, where_));
    out_.add(split_step(std::move(pattern), behavior, invert));
    return {};
  }

  Status read_metaspace(const json::object& node) {
    const std::string_view scheme = json_text(node, "prepend_scheme");
    const bool prefix = json_flag(node, "add_prefix_space", true);
    PrependScheme prepend = prefix ? PrependScheme::kAlways : PrependScheme::kNever;
    if (scheme == "first") prepend = PrependScheme::kFirst;
    if (scheme == "never") prepend = PrependScheme::kNever;
    if (scheme == "always") prepend = PrependScheme::kAlways;
    const std::string_view mark = json_text(node, "replacement");
    out_.add(metaspace_step(std::string(mark.empty() ? kSpaceMark : mark), prepend, json_flag(node, "split", true)));
    return {};
  }

  Status read_digits(const json::object& node) {
    out_.add(json_flag(node, "individual_digits") ? split_digits : split_digit_runs);
    return {};
  }

  Status read_punctuation(const json::object& node) {
    if (!node.contains("behavior")) return add(find_punctuation(), SplitBehavior::kIsolated, false);
    BP_TRY(const SplitBehavior behavior, behavior_of(node, where_));
    if (behavior != SplitBehavior::kContiguous) return add(find_punctuation(), behavior, false);
    out_.add(split_punctuation_runs);
    return {};
  }

  PreTokenizer& out_;
  bool bytes_;
  std::string_view where_;
  bool in_bytes_ = false;  // a ByteLevel came
};

}  // namespace

Result<bool> is_byte_level(const json::object& root, std::string_view where) {
  BP_TRY(const auto normalizers, flatten_part(root, "normalizer", "normalizers", where));
  for (const json::object* part : normalizers) {
    if (json_text(*part, "type") == "ByteLevel") return false;
  }
  BP_TRY(const auto decoders, flatten_part(root, "decoder", "decoders", where));
  if (decoders.size() != 1 || json_text(*decoders[0], "type") != "ByteLevel") return false;
  BP_TRY(const auto parts, flatten_part(root, "pre_tokenizer", "pretokenizers", where));
  bool seen = false;
  for (const json::object* part : parts) {
    if (seen && !is_contiguous_digits(*part) && !is_three_digits(*part)) return false;
    seen = seen || json_text(*part, "type") == "ByteLevel";
  }
  return seen;
}

Status read_pre_tokenizer(const json::object& root, bool bytes, TokenizerSpec& spec, std::string_view where) {
  BP_TRY(const auto parts, flatten_part(root, "pre_tokenizer", "pretokenizers", where));
  Reader reader(spec.pre_tokenizer, bytes, where);
  for (const json::object* part : parts) BP_TRY_VOID(reader.read(*part));
  return {};
}

}  // namespace bp
