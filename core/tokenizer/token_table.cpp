#include "tokenizer/token_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/byte_hash.h"

namespace bp {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

bool is_text_type(TokenType type) {
  return type != TokenType::kControl && type != TokenType::kUnknown && type != TokenType::kByte &&
         type != TokenType::kAdded;
}

size_t table_size(size_t n_entries) { return std::bit_ceil(std::max<size_t>(16, n_entries * 2)); }

}  // namespace

Result<TokenTable> TokenTable::create(const std::vector<std::string>& tokens, std::span<const TokenType> types,
                                      TokenForm form, std::string_view where) {
  if (tokens.empty()) return fail(ErrorCode::kRefused, std::string(where), "the vocabulary has no tokens");
  if (tokens.size() > kMaxTokens) {
    return fail(ErrorCode::kRefused, std::string(where),
                fmt::format("the vocabulary has too many tokens ({}, at most {})", tokens.size(), kMaxTokens));
  }
  if (!types.empty() && types.size() != tokens.size()) {
    return fail(ErrorCode::kRefused, std::string(where),
                fmt::format("{} token types for {} tokens", types.size(), tokens.size()));
  }
  TokenTable table;
  table.form_ = form;
  size_t n_bytes = 0;
  for (const auto& token : tokens) n_bytes += 2 * token.size();
  table.blob_.reserve(n_bytes);
  table.spans_.reserve(tokens.size());
  std::string scratch;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].size() > kMaxTokenBytes) {
      return fail(ErrorCode::kRefused, std::string(where),
                  fmt::format("token {} has {} bytes (at most {})", i, tokens[i].size(), kMaxTokenBytes));
    }
    table.add(tokens[i], types.empty() ? TokenType::kNormal : types[i], scratch);
  }
  table.index();
  return table;
}

void TokenTable::add(const std::string& text, TokenType type, std::string& scratch) {
  const bool is_key = key_of_text(text, scratch);
  const std::string_view key = is_key ? std::string_view(scratch) : std::string_view(text);
  const bool is_text = form_ == TokenForm::kByteAlphabet ? is_key && type != TokenType::kAdded : is_text_type(type);
  Span span{blob_.size(), static_cast<uint32_t>(key.size()), kSame};
  blob_ += key;
  add_piece(text, type, span);
  spans_.push_back(span);
  types_.push_back(type);
  is_text_.push_back(is_text);
  if (is_text) longest_key_ = std::max(longest_key_, key.size());
}

void TokenTable::add_piece(std::string_view text, TokenType type, Span& span) {
  const size_t begin = blob_.size();
  if (form_ == TokenForm::kByteAlphabet) {
    const bool as_is = type == TokenType::kControl || type == TokenType::kUserDefined || type == TokenType::kAdded;
    if (!as_is || std::string_view(blob_).substr(span.key_begin) == text) return;
    blob_ += text;
  } else if (form_ == TokenForm::kMarkedText) {
    if (type == TokenType::kByte) {
      const int byte = byte_of_token(text);
      if (byte < 0) return;
      blob_ += static_cast<char>(byte);
    } else {
      if (type == TokenType::kControl || text.find(kSpaceMark) == std::string_view::npos) return;
      for (size_t at = 0; at < text.size();) {
        const bool mark = text.substr(at).starts_with(kSpaceMark);
        blob_ += mark ? ' ' : text[at];
        at += mark ? kSpaceMark.size() : 1;
      }
    }
  } else {
    return;
  }
  span.piece_size = static_cast<uint32_t>(blob_.size() - begin);
}

void TokenTable::index() {
  const auto n_keys = static_cast<size_t>(std::ranges::count(is_text_, true));
  by_key_.resize(table_size(n_keys));
  by_text_.resize(table_size(spans_.size() - n_keys));
  for (TokenId id = 0; static_cast<size_t>(id) < spans_.size(); ++id) {
    auto& slots = is_text_[static_cast<size_t>(id)] ? by_key_ : by_text_;
    Slot wanted;
    const size_t at = slot_of(slots, key_bytes(id), wanted);
    wanted.id = id;
    slots[at] = wanted;
  }
}

size_t TokenTable::slot_of(const std::vector<Slot>& slots, std::string_view key, Slot& wanted) const {
  const uint32_t hash = hash_bytes(key);
  if (!key.empty()) std::memcpy(&wanted.head, key.data(), std::min<size_t>(key.size(), 8));
  wanted.tag = (hash & ~0xFFu) | static_cast<uint32_t>(std::min<size_t>(key.size(), 255));
  const auto same = [&](const Slot& slot) {
    return slot.head == wanted.head && slot.tag == wanted.tag && (key.size() <= 8 || key_bytes(slot.id) == key);
  };
  const size_t mask = slots.size() - 1;
  size_t at = (hash * uint64_t{0x9E3779B1} >> 12) & mask;
  while (slots[at].id >= 0 && !same(slots[at])) at = (at + 1) & mask;
  return at;
}

std::optional<TokenId> TokenTable::find_key(const std::vector<Slot>& slots, std::string_view key) const {
  Slot wanted;
  const TokenId id = slots[slot_of(slots, key, wanted)].id;
  return id >= 0 ? std::optional(id) : std::nullopt;
}

std::string_view TokenTable::key_bytes(TokenId id) const {
  const Span& span = spans_[static_cast<size_t>(id)];
  return std::string_view(blob_).substr(span.key_begin, span.key_size);
}

std::string_view TokenTable::piece_bytes(TokenId id) const {
  const Span& span = spans_[static_cast<size_t>(id)];
  if (span.piece_size == kSame) return key_bytes(id);
  return std::string_view(blob_).substr(span.key_begin + span.key_size, span.piece_size);
}

std::optional<TokenId> TokenTable::find_bytes(std::string_view bytes) const {
  if (bytes.size() > longest_key_) return std::nullopt;
  return find_key(by_key_, bytes);
}

std::optional<TokenId> TokenTable::find_text(std::string_view text) const {
  std::string key;
  if (form_ != TokenForm::kByteAlphabet) {
    const auto found = find_key(by_text_, text);
    return found ? found : find_bytes(text);
  }
  if (!key_of_text(text, key)) return find_key(by_text_, text);
  const auto found = find_bytes(key);
  return found ? found : find_key(by_text_, key);
}

bool TokenTable::key_of_text(std::string_view text, std::string& key) const {
  if (form_ == TokenForm::kByteAlphabet) return bytes_of_alphabet(text, key);
  key = text;
  return true;
}

TokenId TokenTable::byte_token(unsigned char byte) const {
  return find_text(fmt::format("<0x{:02X}>", byte)).value_or(-1);
}

int byte_of_token(std::string_view text) {
  unsigned value = 0;
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  const auto [end, error] = std::from_chars(text.data() + 3, text.data() + 5, value, 16);
  return error == std::errc() && end == text.data() + 5 ? static_cast<int>(value) : -1;
}

}  // namespace bp
