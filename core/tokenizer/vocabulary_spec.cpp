// The pipelines that GGUF's kinds of vocabulary stand for, see tokenizer_spec.h
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "tokenizer/byte_level_bpe.h"
#include "tokenizer/char_bpe.h"
#include "tokenizer/pre_tokenizer_family.h"
#include "tokenizer/tokenizer_spec.h"
#include "tokenizer/unigram.h"
#include "tokenizer/utf8.h"
#include "tokenizer/word_piece.h"

namespace bp {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

std::unexpected<Error> refused(std::string_view where, std::string what) {
  return fail(ErrorCode::kRefused, std::string(where), std::move(what), "the vocabulary is damaged: convert it again");
}

bool is_special_type(TokenType type) { return type == TokenType::kControl || type == TokenType::kUnknown; }

// Control tokens in the text as it is; user-defined ones as well, or in the marked text of SentencePiece.
std::vector<AddedToken> added_of_types(const Vocabulary& v, bool marked) {
  std::vector<AddedToken> added = v.added;
  std::vector<bool> known(v.tokens.size());
  for (const AddedToken& token : added) known[static_cast<size_t>(token.id)] = true;
  for (size_t i = 0; i < v.types.size() && i < v.tokens.size(); ++i) {
    if (known[i]) continue;
    const bool special = is_special_type(v.types[i]);
    if (v.types[i] != TokenType::kUserDefined && !special) continue;
    AddedToken token{.id = static_cast<TokenId>(i), .text = v.tokens[i], .special = special};
    if (marked && !special) {
      token.normalized = true;
      for (size_t at = token.text.find(' '); at != std::string::npos; at = token.text.find(' ', at))
        token.text.replace(at, 1, kSpaceMark);
    }
    added.push_back(std::move(token));
  }
  return added;
}

// The id that the metadata names, or the custom one where the vocabulary has it as a control token.
void default_id(std::optional<TokenId>& id, TokenId custom, const Vocabulary& v) {
  const auto i = static_cast<size_t>(custom);
  if (!id && i < v.types.size() && is_special_type(v.types[i])) id = custom;
}

void add_ends(TokenizerSpec& spec, std::optional<TokenId> bos, std::optional<TokenId> eos, bool add_bos, bool add_eos) {
  const Vocabulary& v = spec.vocabulary;
  if (v.add_bos.value_or(add_bos) && bos) spec.prefix_ids.push_back(*bos);
  if (v.add_eos.value_or(add_eos) && eos) spec.suffix_ids.push_back(*eos);
}

Status check_scores(const Vocabulary& v, std::string_view where) {
  if (v.scores.size() >= v.tokens.size()) return {};
  return refused(where, fmt::format("{} scores for {} tokens", v.scores.size(), v.tokens.size()));
}

bool has_bytes(const Vocabulary& v) { return std::ranges::find(v.types, TokenType::kByte) != v.types.end(); }

Status describe_byte_level(TokenizerSpec& spec, std::string_view where) {
  BP_TRY(PreTokenizerFamily family, pre_tokenizer_family(spec.vocabulary.pre, where));
  spec.form = TokenForm::kByteAlphabet;
  if (family.nfc) spec.normalizer.add(normal_form_step(NormalForm::kC));
  spec.pre_tokenizer = std::move(family.pre_tokenizer);
  spec.added = added_of_types(spec.vocabulary, false);
  spec.make_model = [&v = spec.vocabulary, ignore = family.ignore_merges](const TokenTable& tokens) {
    return std::make_unique<ByteLevelBpe>(tokens, v.merges, ByteLevelBpeOptions{.ignore_merges = ignore});
  };
  add_ends(spec, spec.vocabulary.bos, spec.vocabulary.eos, family.add_bos, false);
  return {};
}

Result<SentencePieceNormalization> sentence_piece_normalization(const Vocabulary& v, bool remove_extra_spaces,
                                                                std::string_view where) {
  SentencePieceNormalization options{.add_space = v.add_space_prefix.value_or(true),
                                     .add_space_everywhere = !v.space_prefix_once,
                                     .remove_extra_spaces = v.remove_extra_spaces.value_or(remove_extra_spaces),
                                     .space_as_suffix = v.space_as_suffix};
  if (!v.chars_map.empty()) {
    BP_TRY(CharsMap map, CharsMap::create(v.chars_map, where));
    options.chars_map = std::make_shared<const CharsMap>(std::move(map));
  }
  std::vector<AddedToken> kept;
  for (size_t i = 0; i < v.types.size() && i < v.tokens.size(); ++i) {
    if (v.types[i] == TokenType::kUserDefined) kept.push_back({.id = static_cast<TokenId>(i), .text = v.tokens[i]});
  }
  options.kept = AddedTokenMatcher(std::move(kept));
  return options;
}

// The space that was put before a text is no part of it; nor is any where a text never begins with one.
void decode_marked(TokenizerSpec& spec, bool trimmed) {
  spec.form = TokenForm::kMarkedText;
  const Vocabulary& v = spec.vocabulary;
  if (!v.add_space_prefix.value_or(true) && !trimmed) return;
  spec.decoder.strip_start.count = trimmed ? std::numeric_limits<size_t>::max() : 1;
}

Status describe_sentence_piece(TokenizerSpec& spec, std::string_view where) {
  Vocabulary& v = spec.vocabulary;
  if (v.merges.empty()) BP_TRY_VOID(check_scores(v, where));
  default_id(v.bos, 1, v);
  default_id(v.eos, 2, v);
  default_id(v.unk, 0, v);
  BP_TRY(SentencePieceNormalization normalization, sentence_piece_normalization(v, false, where));
  spec.normalizer.add(sentence_piece_step(std::move(normalization)));
  spec.added = added_of_types(v, true);
  decode_marked(spec, v.remove_extra_spaces.value_or(false));
  const CharBpeOptions options{.byte_fallback = has_bytes(v), .fuse_unknown = true, .unknown = v.unk};
  spec.make_model = [&v, options](const TokenTable& tokens) {
    return v.scores.size() >= tokens.size()
               ? std::make_unique<CharBpe>(tokens, std::vector(v.scores.begin(), v.scores.begin() + tokens.size()),
                                           options)
               : std::make_unique<CharBpe>(tokens, v.merges, options);
  };
  add_ends(spec, v.bos, v.eos, true, false);
  return {};
}

// Gemma 4: merges over characters, in lines; no space before a text.
Status describe_gemma4(TokenizerSpec& spec) {
  Vocabulary& v = spec.vocabulary;
  v.add_space_prefix = v.add_space_prefix.value_or(false);
  spec.normalizer.add(sentence_piece_step({.add_space = *v.add_space_prefix}));
  spec.pre_tokenizer.add(split_lines);
  spec.added = added_of_types(v, true);
  decode_marked(spec, false);
  const CharBpeOptions options{
      .byte_fallback = has_bytes(v), .fuse_unknown = true, .unknown = v.unk, .newline_runs_whole = true};
  spec.make_model = [&v, options](const TokenTable& tokens) {
    return std::make_unique<CharBpe>(tokens, v.merges, options);
  };
  add_ends(spec, v.bos, v.eos, true, false);
  return {};
}

Status describe_unigram(TokenizerSpec& spec, std::string_view where) {
  Vocabulary& v = spec.vocabulary;
  BP_TRY_VOID(check_scores(v, where));
  default_id(v.eos, 1, v);
  default_id(v.unk, 2, v);
  default_id(v.pad, 0, v);
  BP_TRY(SentencePieceNormalization normalization, sentence_piece_normalization(v, true, where));
  spec.normalizer.add(sentence_piece_step(std::move(normalization)));
  // The model finds user-defined tokens itself: it may prefer others.
  spec.added = added_of_types(v, true);
  std::erase_if(spec.added, [](const AddedToken& token) { return token.normalized; });
  decode_marked(spec, v.remove_extra_spaces.value_or(true));
  const UnigramOptions options{.unknown = v.unk, .byte_fallback = has_bytes(v), .like_sentence_piece = true};
  spec.make_model = [&v, options](const TokenTable& tokens) {
    return std::make_unique<Unigram>(
        tokens, std::vector<double>(v.scores.begin(), v.scores.begin() + static_cast<ptrdiff_t>(tokens.size())),
        options);
  };
  add_ends(spec, v.bos, v.eos, false, true);
  return {};
}

// A vocabulary with a capital letter in a word was trained on text as it is.
bool has_capitals(const Vocabulary& v) {
  for (size_t i = 0; i < v.tokens.size(); ++i) {
    const std::string& token = v.tokens[i];
    if (i < v.types.size() && v.types[i] != TokenType::kNormal) continue;
    if (token.starts_with('[') || token.starts_with('<')) continue;
    if (std::ranges::any_of(token, [](char c) { return c >= 'A' && c <= 'Z'; })) return true;
  }
  return false;
}

Status describe_word_piece(TokenizerSpec& spec) {
  Vocabulary& v = spec.vocabulary;
  const bool lowercase = v.lowercase.value_or(!has_capitals(v));
  spec.normalizer.add(bert_step({.strip_accents = v.strip_accents.value_or(lowercase), .lowercase = lowercase}));
  spec.pre_tokenizer.add(split_step(find_white_space(), SplitBehavior::kRemoved, false));
  spec.pre_tokenizer.add(split_step(find_punctuation(), SplitBehavior::kIsolated, false));
  spec.added = added_of_types(v, false);
  spec.form = TokenForm::kMarkedText;
  spec.decoder.joins_bytes = false;
  spec.decoder.add(decode_word_piece(std::string(kSpaceMark), "", true));
  if (!v.cls) v.cls = v.bos;
  if (!v.sep) v.sep = v.eos;
  default_id(v.cls, 101, v);
  default_id(v.sep, 102, v);
  default_id(v.unk, 100, v);
  const WordPieceOptions options{.begin_prefix = std::string(kSpaceMark), .continue_prefix = "", .unknown = v.unk};
  spec.make_model = [options](const TokenTable& tokens) { return std::make_unique<WordPiece>(tokens, options); };
  if (!v.bos) v.bos = v.cls;
  if (v.add_bos.value_or(true) && v.cls) spec.prefix_ids.push_back(*v.cls);
  if (v.sep) spec.suffix_ids.push_back(*v.sep);
  return {};
}

Status describe(TokenizerSpec& spec, std::string_view where) {
  const std::string& model = spec.vocabulary.model;
  if (model == "gpt2") return describe_byte_level(spec, where);
  if (model == "llama") return describe_sentence_piece(spec, where);
  if (model == "gemma4") return describe_gemma4(spec);
  if (model == "t5") return describe_unigram(spec, where);
  if (model == "bert") return describe_word_piece(spec);
  return fail(ErrorCode::kUnsupported, std::string(where),
              fmt::format("tokenizer model \"{}\" is not supported", utf8::beginning(model, 80)),
              "use a model with one of: gpt2 (byte-level BPE), llama (SentencePiece BPE), gemma4, t5 (unigram), bert "
              "(WordPiece)");
}

}  // namespace

Result<std::unique_ptr<TokenizerSpec>> spec_of_vocabulary(Vocabulary vocabulary, std::string_view where) {
  auto spec = std::make_unique<TokenizerSpec>();
  spec->vocabulary = std::move(vocabulary);
  BP_TRY_VOID(describe(*spec, where));
  return spec;
}

}  // namespace bp
