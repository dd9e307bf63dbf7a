#include "tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/end_of_generation.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/token_table.h"
#include "tokenizer/tokenizer_spec.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

namespace bp {
namespace {

// The added tokens of one side of the normaliser, with and without the special ones.
struct AddedTokens {
  AddedTokenMatcher all;
  AddedTokenMatcher plain;

  const AddedTokenMatcher& matcher(bool parse_special) const { return parse_special ? all : plain; }
};

AddedTokens pick_added(const std::vector<AddedToken>& tokens, bool normalized, bool nfc) {
  std::vector<AddedToken> all;
  for (AddedToken token : tokens) {
    if (token.normalized != normalized) continue;
    if (normalized && nfc) token.text = unicode::nfc(token.text);
    all.push_back(std::move(token));
  }
  std::vector<AddedToken> plain = all;
  std::erase_if(plain, [](const AddedToken& t) { return t.special; });
  return {AddedTokenMatcher(std::move(all)), AddedTokenMatcher(std::move(plain))};
}

bool is_special_type(TokenType type) { return type == TokenType::kControl || type == TokenType::kUnknown; }

std::vector<AddedToken> added_of_types(const Vocabulary& vocabulary) {
  std::vector<AddedToken> added;
  for (size_t i = 0; i < vocabulary.types.size() && i < vocabulary.tokens.size(); ++i) {
    const TokenType type = vocabulary.types[i];
    if (type != TokenType::kUserDefined && !is_special_type(type)) continue;
    added.push_back({.id = static_cast<TokenId>(i), .text = vocabulary.tokens[i], .special = is_special_type(type)});
  }
  return added;
}

Status check_id(std::optional<TokenId> id, std::string_view name, const TokenTable& tokens, std::string_view where) {
  if (!id || tokens.has(*id)) return {};
  return fail(ErrorCode::kRefused, std::string(where),
              fmt::format("the {} token {} is not one of {} tokens", name, *id, tokens.size()));
}

Status check_ids(const Vocabulary& v, const TokenTable& tokens, std::string_view where) {
  BP_TRY_VOID(check_id(v.bos, "BOS", tokens, where));
  BP_TRY_VOID(check_id(v.eos, "EOS", tokens, where));
  BP_TRY_VOID(check_id(v.eot, "EOT", tokens, where));
  BP_TRY_VOID(check_id(v.unk, "unknown", tokens, where));
  BP_TRY_VOID(check_id(v.pad, "padding", tokens, where));
  for (const TokenId id : v.extra_eog) BP_TRY_VOID(check_id(id, "end-of-generation", tokens, where));
  return {};
}

// Calls on_text(gap) and on_token(id) for what lies between the matches and for the matches.
template <class OnText, class OnToken>
void for_each_part(std::string_view text, const AddedTokenMatcher& matcher, OnText on_text, OnToken on_token) {
  size_t begin = 0;
  for (const auto& match : matcher.find(text)) {
    if (match.begin > begin) on_text(text.substr(begin, match.begin - begin));
    on_token(match.id);
    begin = match.end;
  }
  if (begin < text.size()) on_text(text.substr(begin));
}

}  // namespace

struct Tokenizer::Parts {
  TokenTable tokens;
  std::unique_ptr<TokenModel> model;
  AddedTokens raw;         // matched in the text as it is
  AddedTokens normalized;  // matched in the normalised text
  bool nfc = false;
  std::optional<TokenId> bos, eos;
  std::vector<TokenId> prefix_ids, suffix_ids;
  std::vector<TokenId> end_of_generation;  // sorted
};

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::create(Vocabulary vocabulary, std::string_view where) {
  if (vocabulary.model != "gpt2") {
    return fail(
        ErrorCode::kUnsupported, std::string(where),
        fmt::format("tokenizer model \"{}\" is not supported", std::string_view(vocabulary.model).substr(0, 80)),
        "use a model with one of: gpt2 (byte-level BPE)");
  }
  BP_TRY(PreTokenizerFamily family, pre_tokenizer_family(vocabulary.pre, where));
  TokenizerSpec spec;
  spec.vocabulary = std::move(vocabulary);
  spec.vocabulary.ignore_merges |= family.ignore_merges;
  spec.splitters = std::move(family.splitters);
  spec.nfc = family.nfc;
  spec.added = added_of_types(spec.vocabulary);
  if (spec.vocabulary.add_bos && spec.vocabulary.bos) spec.prefix_ids.push_back(*spec.vocabulary.bos);
  if (spec.vocabulary.add_eos && spec.vocabulary.eos) spec.suffix_ids.push_back(*spec.vocabulary.eos);
  return build(std::move(spec), where);
}

Result<Tokenizer> Tokenizer::build(TokenizerSpec spec, std::string_view where) {
  const Vocabulary& v = spec.vocabulary;
  auto parts = std::make_unique<Parts>();
  BP_TRY(parts->tokens, TokenTable::create(v.tokens, v.types, where));
  BP_TRY_VOID(check_ids(v, parts->tokens, where));
  const BpeOptions options{.ignore_merges = v.ignore_merges,
                           .prefix_space = spec.prefix_space,
                           .unknown = spec.emit_unknown ? v.unk : std::nullopt};
  parts->model =
      std::make_unique<ByteLevelBpe>(parts->tokens, v.merges, PreTokenizer(std::move(spec.splitters)), options);
  parts->raw = pick_added(spec.added, false, spec.nfc);
  parts->normalized = pick_added(spec.added, true, spec.nfc);
  parts->nfc = spec.nfc;
  parts->bos = v.bos;
  parts->eos = v.eos;
  parts->prefix_ids = std::move(spec.prefix_ids);
  parts->suffix_ids = std::move(spec.suffix_ids);
  parts->end_of_generation = end_of_generation_ids(v, parts->tokens);
  return Tokenizer(std::move(parts));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<TokenId> out;
  if (options.add_special) out = parts_->prefix_ids;
  encode_raw(text, options.parse_special, out);
  if (options.add_special) out.insert(out.end(), parts_->suffix_ids.begin(), parts_->suffix_ids.end());
  return out;
}

void Tokenizer::encode_raw(std::string_view text, bool parse_special, std::vector<TokenId>& out) const {
  for_each_part(
      text, parts_->raw.matcher(parse_special),
      [&](std::string_view gap) {
        if (parts_->nfc) {
          encode_normalized(unicode::nfc(gap), parse_special, out);
        } else {
          encode_normalized(gap, parse_special, out);
        }
      },
      [&](TokenId id) { out.push_back(id); });
}

void Tokenizer::encode_normalized(std::string_view text, bool parse_special, std::vector<TokenId>& out) const {
  for_each_part(
      text, parts_->normalized.matcher(parse_special), [&](std::string_view gap) { parts_->model->encode(gap, out); },
      [&](TokenId id) { out.push_back(id); });
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string bytes;
  for (const TokenId id : ids) {
    if (!skip_special || !is_special(id)) bytes += piece_bytes(id);
  }
  std::string text;
  text.reserve(bytes.size());
  utf8::append_replacing(text, bytes, false);
  return text;
}

size_t Tokenizer::size() const { return parts_->tokens.size(); }
std::optional<TokenId> Tokenizer::bos() const { return parts_->bos; }
std::optional<TokenId> Tokenizer::eos() const { return parts_->eos; }

bool Tokenizer::is_end_of_generation(TokenId id) const {
  return std::ranges::binary_search(parts_->end_of_generation, id);
}

bool Tokenizer::is_special(TokenId id) const {
  return parts_->tokens.has(id) && is_special_type(parts_->tokens.type(id));
}

std::string_view Tokenizer::piece_bytes(TokenId id) const {
  return parts_->tokens.has(id) ? parts_->tokens.piece_bytes(id) : std::string_view();
}

std::optional<TokenId> Tokenizer::find(std::string_view token) const { return parts_->tokens.find_text(token); }

}  // namespace bp
