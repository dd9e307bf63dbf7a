#include "tokenizer/token_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/byte_hash.h"

namespace bp {
namespace {

bool is_written_as_is(TokenType type) { return type == TokenType::kControl || type == TokenType::kUserDefined; }

size_t table_size(size_t n_entries) { return std::bit_ceil(std::max<size_t>(16, n_entries * 2)); }

}  // namespace

Result<TokenTable> TokenTable::create(const std::vector<std::string>& tokens, std::span<const TokenType> types,
                                      std::string_view where) {
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
  size_t n_bytes = 0;
  for (const auto& token : tokens) n_bytes += token.size();
  table.blob_.reserve(n_bytes);
  table.spans_.reserve(tokens.size());
  std::string scratch;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].size() >= kSame) return fail(ErrorCode::kRefused, std::string(where), "a token is too long");
    table.add(tokens[i], types.empty() ? TokenType::kNormal : types[i], scratch);
  }
  table.index();
  return table;
}

void TokenTable::add(const std::string& text, TokenType type, std::string& scratch) {
  const bool in_alphabet = bytes_of_alphabet(text, scratch);
  const std::string_view key = in_alphabet ? std::string_view(scratch) : std::string_view(text);
  Span span{blob_.size(), static_cast<uint32_t>(key.size()), kSame};
  blob_ += key;
  if (is_written_as_is(type) && text != key) {
    span.piece_size = static_cast<uint32_t>(text.size());
    blob_ += text;
  }
  spans_.push_back(span);
  types_.push_back(type);
  in_alphabet_.push_back(in_alphabet);
  if (in_alphabet) longest_key_ = std::max(longest_key_, key.size());
}

void TokenTable::index() {
  const auto n_keys = static_cast<size_t>(std::ranges::count(in_alphabet_, true));
  by_key_.resize(table_size(n_keys));
  by_text_.resize(table_size(spans_.size() - n_keys));
  for (TokenId id = 0; static_cast<size_t>(id) < spans_.size(); ++id) {
    auto& slots = in_alphabet_[static_cast<size_t>(id)] ? by_key_ : by_text_;
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
  if (const auto bytes = bytes_of_alphabet(text)) return find_bytes(*bytes);
  return find_key(by_text_, text);
}

}  // namespace bp
