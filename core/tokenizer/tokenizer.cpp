#include "tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tokenizer/added_tokens.h"
#include "tokenizer/end_of_generation.h"
#include "tokenizer/token_table.h"
#include "tokenizer/tokenizer_spec.h"
#include "tokenizer/utf8.h"

namespace bp {
namespace {

// The added tokens of one side of the normaliser, with and without the special ones.
struct AddedTokens {
  AddedTokenMatcher all;
  AddedTokenMatcher plain;

  const AddedTokenMatcher& matcher(bool parse_special) const { return parse_special ? all : plain; }
};

AddedTokens pick_added(const std::vector<AddedToken>& tokens, bool normalized) {
  std::vector<AddedToken> all;
  for (const AddedToken& token : tokens) {
    if (token.normalized == normalized) all.push_back(token);
  }
  std::vector<AddedToken> plain = all;
  std::erase_if(plain, [](const AddedToken& t) { return t.special; });
  return {AddedTokenMatcher(std::move(all)), AddedTokenMatcher(std::move(plain))};
}

bool is_special_type(TokenType type) { return type == TokenType::kControl || type == TokenType::kUnknown; }

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
  BP_TRY_VOID(check_id(v.cls, "CLS", tokens, where));
  BP_TRY_VOID(check_id(v.sep, "SEP", tokens, where));
  for (const TokenId id : v.extra_eog) BP_TRY_VOID(check_id(id, "end-of-generation", tokens, where));
  return {};
}

// Calls on_text(gap, first) and on_token(id) for what lies between the matches and for the matches.
template <class OnText, class OnToken>
void for_each_part(std::string_view text, const AddedTokenMatcher& matcher, OnText on_text, OnToken on_token) {
  size_t begin = 0;
  for (const auto& match : matcher.find(text)) {
    if (match.begin > begin) on_text(text.substr(begin, match.begin - begin), begin == 0);
    on_token(match.id);
    begin = match.end;
  }
  if (begin < text.size()) on_text(text.substr(begin), begin == 0);
}

}  // namespace

struct Tokenizer::Parts {
  TokenTable tokens;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::unique_ptr<TokenModel> model;
  Decoder decoder;
  AddedTokens raw;         // matched in the text as it is
  AddedTokens normalized;  // matched in the normalised text
  std::optional<TokenId> bos, eos;
  std::vector<TokenId> prefix_ids, suffix_ids;
  std::vector<TokenId> end_of_generation;  // sorted
};

struct Tokenizer::Run {
  bool parse_special;
  std::vector<TokenId>& out;
  bool first = true;  // nothing of the text came before
  PreTokens pre_tokens{};
};

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::create(Vocabulary vocabulary, std::string_view where) {
  BP_TRY(const std::unique_ptr<TokenizerSpec> spec, spec_of_vocabulary(std::move(vocabulary), where));
  return build(*spec, where);
}

Result<Tokenizer> Tokenizer::from_json(std::string_view tokenizer_json, std::string_view tokenizer_config_json,
                                       std::string_view where) {
  BP_TRY(const std::unique_ptr<TokenizerSpec> spec, spec_of_json(tokenizer_json, tokenizer_config_json, where));
  return build(*spec, where);
}

Result<Tokenizer> Tokenizer::build(TokenizerSpec& spec, std::string_view where) {
  const Vocabulary& v = spec.vocabulary;
  auto parts = std::make_unique<Parts>();
  BP_TRY(parts->tokens, TokenTable::create(v.tokens, v.types, spec.form, where));
  BP_TRY_VOID(check_ids(v, parts->tokens, where));
  parts->model = spec.make_model(parts->tokens);
  parts->normalizer = std::move(spec.normalizer);
  parts->pre_tokenizer = std::move(spec.pre_tokenizer);
  parts->decoder = std::move(spec.decoder);
  parts->raw = pick_added(spec.added, false);
  parts->normalized = pick_added(spec.added, true);
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
  Run run{.parse_special = options.parse_special, .out = out};
  encode_raw(text, run);
  if (options.add_special) out.insert(out.end(), parts_->suffix_ids.begin(), parts_->suffix_ids.end());
  return out;
}

void Tokenizer::encode_raw(std::string_view text, Run& run) const {
  for_each_part(
      text, parts_->raw.matcher(run.parse_special),
      [&](std::string_view gap, bool first) {
        run.first = first;
        if (parts_->normalizer.empty()) {
          encode_normalized(gap, run);
        } else {
          encode_normalized(parts_->normalizer.apply(gap, first), run);
        }
      },
      [&](TokenId id) { run.out.push_back(id); });
}

void Tokenizer::encode_normalized(std::string_view text, Run& run) const {
  for_each_part(
      text, parts_->normalized.matcher(run.parse_special),
      [&](std::string_view gap, bool first) {
        parts_->pre_tokenizer.split(gap, run.first && first, run.pre_tokens);
        parts_->model->encode(run.pre_tokens, run.out);
      },
      [&](TokenId id) { run.out.push_back(id); });
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string text;
  Decoder::State state;
  for (const TokenId id : ids) decode_next(id, skip_special, state, text);
  decode_end(state, text);
  return text;
}

void Tokenizer::decode_next(TokenId id, bool skip_special, Decoder::State& state, std::string& out) const {
  if (!parts_->tokens.has(id) || (skip_special && is_special(id))) return;
  parts_->decoder.push(parts_->tokens, id, state, out);
}

void Tokenizer::decode_end(Decoder::State& state, std::string& out) const { parts_->decoder.flush(state, out); }

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
