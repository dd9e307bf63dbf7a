// SentencePiece's normalisation, see normalizer.h
#include "tokenizer/normalizer.h"
#include "tokenizer/utf8.h"

namespace bp {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

class Run {
 public:
  Run(const SentencePieceNormalization& options, std::string_view text) : options_(options), text_(text) {
    if (!options.kept.empty()) kept_ = options.kept.find(text);
  }

  std::string run(bool add_space) {
    out_.reserve(text_.size() + text_.size() / 2 + kSpaceMark.size());
    bool after_space = options_.remove_extra_spaces;
    while (at_ < text_.size()) {
      std::string_view piece = next();
      while (after_space && piece.starts_with(' ')) piece.remove_prefix(1);
      if (piece.empty()) continue;
      if (out_.empty() && add_space && !options_.space_as_suffix) out_ += kSpaceMark;
      put(piece);
      after_space = options_.remove_extra_spaces && piece.ends_with(' ');
    }
    while (options_.remove_extra_spaces && out_.ends_with(kSpaceMark)) out_.resize(out_.size() - kSpaceMark.size());
    if (add_space && options_.space_as_suffix && !out_.empty()) out_ += kSpaceMark;
    return std::move(out_);
  }

 private:
  // What the next characters become.
  std::string_view next() {
    while (kept_at_ < kept_.size() && kept_[kept_at_].begin < at_) ++kept_at_;
    if (kept_at_ < kept_.size() && kept_[kept_at_].begin == at_) return take(kept_[kept_at_].end - at_);
    if (options_.chars_map != nullptr) {
      if (const auto match = options_.chars_map->longest(text_.substr(at_))) {
        at_ += match->n_bytes;
        return match->replacement;
      }
    }
    return take(utf8::next(text_, at_).n_bytes);
  }

  std::string_view take(size_t n_bytes) {
    const std::string_view bytes = text_.substr(at_, n_bytes);
    at_ += n_bytes;
    return bytes;
  }

  void put(std::string_view piece) {
    for (const char c : piece) {
      if (c == ' ') {
        out_ += kSpaceMark;
      } else {
        out_ += c;
      }
    }
  }

  const SentencePieceNormalization& options_;
  std::string_view text_;
  std::vector<AddedTokenMatcher::Match> kept_;
  size_t kept_at_ = 0;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

Normalizer::Step sentence_piece_step(SentencePieceNormalization options) {
  return [options = std::make_shared<const SentencePieceNormalization>(std::move(options))](std::string_view text,
                                                                                            bool first) {
    return Run(*options, text).run(options->add_space && (first || options->add_space_everywhere));
  };
}

}  // namespace bp
