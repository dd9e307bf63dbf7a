#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "graph/guard.h"

namespace bp {
namespace {

constexpr size_t kMaxText = 4096;
constexpr size_t kMaxTerms = 64;
constexpr size_t kMaxAlternatives = 32;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '@' || c == '-' || c == '+';
}

std::optional<double> number(std::string_view text) {
  double out = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(out)) return std::nullopt;
  return out;
}

std::optional<int64_t> integer(std::string_view text) {
  int64_t out = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

class GuardParser {
 public:
  GuardParser(std::string_view text, std::string_view where, const Pattern& pattern)
      : text_(text), where_(where), pattern_(pattern) {}

  Result<Guard> run() {
    if (text_.size() > kMaxText) return error("is longer than 4096 characters");
    Guard guard;
    for (skip_space(); at_ < text_.size(); skip_space()) {
      if (take(';')) continue;
      if (guard.terms_.size() == kMaxTerms) return error("has more than 64 terms");
      const size_t start = at_;
      BP_TRY(Guard::Term term, parse_term());
      skip_space();
      if (at_ < text_.size() && text_[at_] != ';') return error("expected ;");
      term.text = text_.substr(start, at_ - start);
      guard.terms_.push_back(std::move(term));
    }
    return guard;
  }

 private:
  using Kind = Guard::Kind;
  using Compare = Guard::Compare;
  using Term = Guard::Term;

  std::unexpected<Error> error(std::string what) const {
    return fail(ErrorCode::kRefused, std::string(where_), fmt::format("guard, at character {}: {}", at_, what),
                "see core/graph/guard.h for the grammar");
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }

  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view word() {
    skip_space();
    const size_t start = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  Result<Term> parse_term() {
    constexpr std::pair<std::string_view, Kind> kKinds[] = {{"dtype", Kind::kDtype}, {"dim", Kind::kDim},
                                                            {"rank", Kind::kRank},   {"attr", Kind::kAttr},
                                                            {"has", Kind::kHas},     {"layout", Kind::kLayout}};
    const std::string_view name = word();
    const auto* kind =
        std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto& k) { return k.first == name; });
    if (kind == std::end(kKinds)) return error(fmt::format("no term {}(…)", name));
    Term term;
    term.kind = kind->second;
    if (!take('(')) return error("expected (");
    BP_TRY_VOID(term.kind == Kind::kAttr ? parse_key(term) : parse_slot(term));
    if (!take(')')) return error("expected )");
    BP_TRY_VOID(parse_modulus(term));
    BP_TRY_VOID(parse_compare(term));
    do {
      if (term.numbers.size() + term.words.size() >= kMaxAlternatives) return error("has too many alternatives");
      BP_TRY_VOID(parse_value(term));
    } while (take('|'));
    BP_TRY_VOID(check_values(term));
    return term;
  }

  Status parse_slot(Term& term) {
    const std::string_view name = word();
    const auto slot = pattern_.find_slot(name);
    if (!slot) return error(fmt::format("the pattern has no slot {}", name));
    term.slot = *slot;
    if (term.kind != Kind::kDim) return {};
    const auto axis = take(',') ? integer(word()) : std::nullopt;
    if (!axis || *axis < -64 || *axis > 64) return error("dim needs an axis, as in dim(x,-1)");
    term.axis = *axis;
    return {};
  }

  // "rope.mode", "coll.all_gather.axis": the last dot parts them.
  Status parse_key(Term& term) {
    const std::string_view name = word();
    const size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) return error("attr needs op.key");
    const OpDef* op = find_op(name.substr(0, dot));
    term.key = name.substr(dot + 1);
    for (size_t i = 0; i < pattern_.ops().size(); ++i) {
      if (pattern_.ops()[i].op == op) term.nodes.push_back(i);
    }
    if (op == nullptr || term.nodes.empty()) return error(fmt::format("the pattern has no op {}", name.substr(0, dot)));
    for (const AttrDef& def : op->attrs) {
      if (def.key == term.key && def.kind != AttrKind::kInts) {
        attr_is_text_ = def.kind == AttrKind::kString;
        return {};
      }
    }
    return error(fmt::format("{} has no number or text {}", op->name, term.key));
  }

  Status parse_modulus(Term& term) {
    if (!take('%')) return {};
    const auto modulus = integer(word());
    if (term.kind != Kind::kDim || !modulus || *modulus < 1) return error("% takes a dim and a positive number");
    term.modulus = *modulus;
    return {};
  }

  Status parse_compare(Term& term) {
    const bool less = take('<'), greater = !less && take('>');
    const bool equal = at_ < text_.size() && text_[at_] == '=' ? take('=') : !less && !greater && take('=');
    if (!less && !greater && !equal) return error("expected = < <= > or >=");
    if (less) term.compare = equal ? Compare::kLessEqual : Compare::kLess;
    if (greater) term.compare = equal ? Compare::kGreaterEqual : Compare::kGreater;
    return {};
  }

  Status parse_value(Term& term) {
    const std::string_view text = word();
    if (text.empty()) return error("expected a value");
    const bool is_text =
        term.kind == Kind::kDtype || term.kind == Kind::kLayout || (term.kind == Kind::kAttr && attr_is_text_);
    const auto dtype = parse_dtype(text);
    if (term.kind == Kind::kDtype && !dtype) return error(fmt::format("no dtype {}", text));
    if (is_text) {
      term.words.emplace_back(text);
      return {};
    }
    const auto value = number(text);
    if (value) {
      term.numbers.push_back(*value);
    } else if (term.kind == Kind::kAttr && dtype) {
      term.numbers.push_back(static_cast<double>(*dtype));
    } else {
      return error(fmt::format("{} is no number", text));
    }
    return {};
  }

  Status check_values(const Term& term) const {
    if (term.compare == Compare::kEqual) return {};
    if (term.numbers.size() == 1 && term.words.empty() && term.modulus == 0) return {};
    return error("< <= > >= take one number, and no %");
  }

  std::string_view text_;
  std::string_view where_;
  const Pattern& pattern_;
  size_t at_ = 0;
  bool attr_is_text_ = false;
};

Result<Guard> Guard::parse(std::string_view text, std::string_view where, const Pattern& pattern) {
  return GuardParser(text, where, pattern).run();
}

}  // namespace bp
