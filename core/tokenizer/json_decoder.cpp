// The "decoder" of a tokenizer.json, see json_pipeline.h
#include <fmt/format.h>

#include <memory>

#include "tokenizer/json_access.h"
#include "tokenizer/json_pipeline.h"

namespace bp {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

size_t count_of(const json::object& node, std::string_view key) {
  const json::value* value = json_member(node, key);
  return value != nullptr && value->is_int64() && value->get_int64() > 0 ? static_cast<size_t>(value->get_int64()) : 0;
}

class Reader {
 public:
  Reader(TokenizerSpec& spec, std::string_view where) : spec_(spec), out_(spec.decoder), where_(where) {}

  Status read(const json::object& node) {
    const std::string_view type = json_text(node, "type");
    if (out_.alphabet) return unsupported_part("decoder after ByteLevel", type, where_);
    if (type == "ByteLevel") {
      out_.alphabet = true;
    } else if (type == "ByteFallback") {
      out_.byte_fallback = true;
    } else if (type == "Fuse") {
      fused_ = true;
    } else if (type == "Replace") {
      return read_replace(node);
    } else if (type == "Strip") {
      read_strip(node);
    } else if (type == "Metaspace") {
      return read_metaspace(node);
    } else if (type == "WordPiece") {
      const std::string_view prefix = json_text(node, "prefix");
      out_.add(decode_word_piece("", std::string(node.contains("prefix") ? prefix : "##"),
                                 json_flag(node, "cleanup", true)));
    } else if (type == "BPEDecoder") {
      out_.word_suffix = std::string(node.contains("suffix") ? json_text(node, "suffix") : "</w>");
    } else {
      return unsupported_part("decoder", type, where_);
    }
    return {};
  }

 private:
  Status read_replace(const json::object& node) {
    const json::object* object = json_object(node, "pattern");
    const std::string_view text = object != nullptr ? json_text(*object, "String") : std::string_view();
    const std::string content(json_text(node, "content"));
    // A text of one character stands in one token, whether they are joined or not.
    const bool one_char =
        !text.empty() && (static_cast<unsigned char>(text[0]) < 0x80 ? text.size() == 1 : text.size() <= 4);
    if (fused_ && !one_char) return unsupported_part("decoder after Fuse", "Replace", where_);
    if (text == kSpaceMark && content == " ") spec_.form = TokenForm::kMarkedText;
    BP_TRY(TextPattern pattern, read_pattern(node, where_));
    out_.add([replace = replace_step(std::move(pattern), content)](std::string_view token, bool) {
      return replace(token, false);
    });
    return {};
  }

  void read_strip(const json::object& node) {
    const std::string content(json_text(node, "content"));
    const size_t start = count_of(node, "start");
    const size_t stop = count_of(node, "stop");
    if (!fused_) return out_.add(decode_strip(content, start, stop));
    if (start > 0) out_.strip_start = {content, start};
    if (stop > 0) out_.strip_end = {content, stop};
  }

  Status read_metaspace(const json::object& node) {
    if (fused_) return unsupported_part("decoder after Fuse", "Metaspace", where_);
    const std::string_view mark = json_text(node, "replacement");
    const std::string_view scheme = json_text(node, "prepend_scheme");
    const bool prepended = scheme.empty() ? json_flag(node, "add_prefix_space", true) : scheme != "never";
    spec_.form = TokenForm::kMarkedText;
    out_.add(decode_metaspace(std::string(mark.empty() ? kSpaceMark : mark), prepended));
    return {};
  }

  TokenizerSpec& spec_;
  Decoder& out_;
  std::string_view where_;
  bool fused_ = false;
};

}  // namespace

Status read_decoder(const json::object& root, TokenizerSpec& spec, std::string_view where) {
  BP_TRY(const auto parts, flatten_part(root, "decoder", "decoders", where));
  spec.decoder.joins_bytes = false;
  spec.decoder.space_between = parts.empty();
  Reader reader(spec, where);
  for (const json::object* part : parts) BP_TRY_VOID(reader.read(*part));
  return {};
}

}  // namespace bp
