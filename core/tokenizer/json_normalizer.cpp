// The "normalizer" of a tokenizer.json, see json_pipeline.h
#include <fmt/format.h>

#include <array>

#include "tokenizer/json_access.h"
#include "tokenizer/json_pipeline.h"
#include "tokenizer/utf8.h"

namespace bp {
namespace {

constexpr size_t kMaxParts = 64;
constexpr int kMaxDepth = 8;  // of Sequence in Sequence

Status collect(const json::value& node, std::string_view key, std::string_view list, std::string_view where, int depth,
               std::vector<const json::object*>& out) {
  const json::object* object = node.if_object();
  if (object == nullptr) return refused_json(where, fmt::format("a part of \"{}\" is no object", key));
  if (json_text(*object, "type") != "Sequence") {
    if (out.size() >= kMaxParts) return unsupported_part(key, "of more than 64 parts", where);
    out.push_back(object);
    return {};
  }
  const json::array* parts = json_array(*object, list);
  if (parts == nullptr) return refused_json(where, fmt::format("a Sequence of \"{}\" has no \"{}\"", key, list));
  if (depth >= kMaxDepth) return unsupported_part(key, "Sequence within 8 others", where);
  for (const json::value& part : *parts) BP_TRY_VOID(collect(part, key, list, where, depth + 1, out));
  return {};
}

std::optional<std::string> decode_base64(std::string_view text) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static constexpr auto kValues = [] {
    std::array<int8_t, 256> values{};
    values.fill(-1);
    for (size_t i = 0; i < kAlphabet.size(); ++i)
      values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
    return values;
  }();
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  unsigned n_bits = 0;
  for (const char c : text) {
    const int value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    out += static_cast<char>(bits >> n_bits & 0xFF);
  }
  return out;
}

Result<Normalizer::Step> chars_map_of(const json::object& node, std::string_view where) {
  const auto blob = decode_base64(json_text(node, "precompiled_charsmap"));
  if (!blob) return refused_json(where, "precompiled_charsmap is no base64");
  BP_TRY(CharsMap map, CharsMap::create(*blob, where));
  return chars_map_step(std::make_shared<const CharsMap>(std::move(map)));
}

BertNormalization bert_of(const json::object& node) {
  const bool lowercase = json_flag(node, "lowercase", true);
  return {.clean_text = json_flag(node, "clean_text", true),
          .chinese_chars = json_flag(node, "handle_chinese_chars", true),
          .strip_accents = json_flag(node, "strip_accents", lowercase),
          .lowercase = lowercase};
}

Result<Normalizer::Step> step_of(const json::object& node, std::string_view where) {
  const std::string_view type = json_text(node, "type");
  if (type == "NFC") return normal_form_step(NormalForm::kC);
  if (type == "NFD") return normal_form_step(NormalForm::kD);
  if (type == "NFKC") return normal_form_step(NormalForm::kKC);
  if (type == "NFKD") return normal_form_step(NormalForm::kKD);
  if (type == "Lowercase") return lowercase_step();
  if (type == "StripAccents") return strip_accents_step();
  if (type == "Nmt") return nmt_step();
  if (type == "ByteLevel") return byte_level_step();
  if (type == "Prepend") return prepend_step(std::string(json_text(node, "prepend")));
  if (type == "Strip") return strip_step(json_flag(node, "strip_left", true), json_flag(node, "strip_right", true));
  if (type == "BertNormalizer") return bert_step(bert_of(node));
  if (type == "Precompiled") return chars_map_of(node, where);
  if (type == "Replace") {
    BP_TRY(TextPattern pattern, read_pattern(node, where));
    return replace_step(std::move(pattern), std::string(json_text(node, "content")));
  }
  return unsupported_part("normalizer", type, where);
}

}  // namespace

std::unexpected<Error> unsupported_part(std::string_view part, std::string_view what, std::string_view where) {
  return fail(ErrorCode::kUnsupported, std::string(where),
              fmt::format("{} \"{}\" is not supported", part, utf8::beginning(what, 200)),
              "docs/models.md lists what is; or use a GGUF of this model");
}

std::unexpected<Error> refused_json(std::string_view where, std::string what) {
  return fail(ErrorCode::kRefused, std::string(where), std::move(what), "the file is damaged or no tokenizer.json");
}

Result<std::vector<const json::object*>> flatten_part(const json::object& root, std::string_view key,
                                                      std::string_view list, std::string_view where) {
  std::vector<const json::object*> parts;
  if (const json::value* node = json_member(root, key)) BP_TRY_VOID(collect(*node, key, list, where, 0, parts));
  return parts;
}

Result<TextPattern> read_pattern(const json::object& node, std::string_view where) {
  const json::value* value = json_member(node, "pattern");
  if (value != nullptr && value->is_string()) return TextPattern::literal(std::string_view(value->get_string()));
  const json::object* pattern = value != nullptr ? value->if_object() : nullptr;
  if (pattern == nullptr) return refused_json(where, "a pattern is neither \"String\" nor \"Regex\"");
  if (const json::value* text = json_member(*pattern, "String"); text != nullptr && text->is_string())
    return TextPattern::literal(std::string_view(text->get_string()));
  const json::value* regex = json_member(*pattern, "Regex");
  if (regex == nullptr || !regex->is_string())
    return refused_json(where, "a pattern is neither \"String\" nor \"Regex\"");
  return TextPattern::create(std::string_view(regex->get_string()), where);
}

Status read_normalizer(const json::object& root, TokenizerSpec& spec, std::string_view where) {
  BP_TRY(const auto parts, flatten_part(root, "normalizer", "normalizers", where));
  for (const json::object* part : parts) {
    BP_TRY(Normalizer::Step step, step_of(*part, where));
    spec.normalizer.add(std::move(step));
  }
  return {};
}

}  // namespace bp
