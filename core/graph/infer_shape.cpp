// Shape texts ("[.., K]", "[S+1]") matched against operands, and written out for results.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "graph/infer.h"

namespace bp {
namespace {

using Texts = std::vector<std::string_view>;

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Texts split(std::string_view text, std::string_view separator) {
  Texts out;
  for (;;) {
    const size_t at = text.find(separator);
    out.push_back(trim(text.substr(0, at)));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + separator.size());
  }
}

// "[T, H, D]" → T, H, D.
Texts dim_texts(std::string_view shape) {
  shape = trim(shape);
  shape.remove_prefix(1);
  shape.remove_suffix(1);
  return trim(shape).empty() ? Texts{} : split(shape, ",");
}

bool has_rest(const Texts& texts) { return std::find(texts.begin(), texts.end(), "..") != texts.end(); }

bool is_name(std::string_view text) {
  return text.find_first_of("+*/") == std::string_view::npos && (text.front() < '0' || text.front() > '9');
}

// The dims of the operand named by `texts`; ".." takes what the others leave.
std::optional<std::vector<std::span<const Extent>>> align(const Texts& texts, std::span<const Extent> dims) {
  const bool rest = has_rest(texts);
  const size_t named = texts.size() - (rest ? 1 : 0);
  if (rest ? dims.size() < named : dims.size() != named) return std::nullopt;
  std::vector<std::span<const Extent>> out;
  size_t at = 0;
  for (const std::string_view text : texts) {
    const size_t count = text == ".." ? dims.size() - named : 1;
    out.push_back(dims.subspan(at, count));
    at += count;
  }
  return out;
}

std::optional<Affine> term(const Inference& call, std::string_view text) {
  int64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc())
    return Affine{kNone, 0, number};
  if (const Affine* size = call.bound(text)) return *size;
  for (const Attr& attr : call.attrs) {
    const auto* value = std::get_if<int64_t>(&attr.value);
    if (attr.key == text && value != nullptr) return Affine{kNone, 0, *value};
  }
  return std::nullopt;
}

// "T*k", "S+1", "K/block": one operator at most.
std::optional<Affine> evaluate(const Inference& call, std::string_view text) {
  const size_t at = text.find_first_of("+*/");
  const auto left = term(call, text.substr(0, at));
  if (at == std::string_view::npos || !left) return left;
  const auto right = term(call, text.substr(at + 1));
  if (!right) return std::nullopt;
  if (text[at] == '*') return affine_mul(*left, *right);
  if (right->base != kNone) return std::nullopt;
  return text[at] == '+' ? affine_add(*left, right->add) : affine_div(*left, right->add);
}

std::string affine_text(const Inference& call, const Affine& size) {
  if (const auto extent = to_extent(call.graph, size)) return extent_text(call.graph, *extent);
  if (size.base == kNone) return fmt::format("{}", size.add);
  return fmt::format("{}*{}+{}", size.mul, extent_text(call.graph, Extent::dynamic(size.base)), size.add);
}

class Matcher {
 public:
  explicit Matcher(Inference& call) : call_(call) {}

  Status run() {
    for (size_t i = 0; i < call_.in.size(); ++i) BP_TRY_VOID(bind_names(i));
    for (size_t i = 0; i < call_.in.size(); ++i) BP_TRY_VOID(check_expressions(i));
    return {};
  }

 private:
  std::string_view shape(size_t i) const { return call_.op.operands[std::min(i, call_.op.operands.size() - 1)].shape; }
  bool skip(size_t i) const { return !call_.has(i) || !shape(i).starts_with('['); }

  // The alternative that fits the operand's rank.
  Result<Texts> choose(size_t i) const {
    for (const std::string_view alternative : split(shape(i), " or ")) {
      Texts texts = dim_texts(alternative);
      if (align(texts, call_.operand(i).dims)) return texts;
    }
    return call_.error(fmt::format("{} does not have the form {}", call_.show(i), shape(i)), "reshape it");
  }

  Status bind_names(size_t i) {
    if (skip(i)) return {};
    BP_TRY(const Texts texts, choose(i));
    const auto parts = align(texts, call_.operand(i).dims);
    for (size_t d = 0; d < texts.size(); ++d) {
      if (texts[d] == "..") {
        BP_TRY_VOID(bind_rest(i, (*parts)[d]));
      } else if (is_name(texts[d])) {
        BP_TRY_VOID(bind_name(i, texts[d], (*parts)[d][0]));
      }
    }
    return {};
  }

  Status bind_rest(size_t i, std::span<const Extent> dims) {
    if (call_.rest_operand < 0) {
      call_.rest.assign(dims.begin(), dims.end());
      call_.rest_operand = static_cast<int>(i);
      return {};
    }
    if (same_dims(call_.graph, call_.rest, dims)) return {};
    return call_.error(fmt::format("{} and {} disagree in the dims \"..\" ({}, {})",
                                   call_.show(static_cast<size_t>(call_.rest_operand)), call_.show(i),
                                   dims_text(call_.graph, call_.rest), dims_text(call_.graph, dims)),
                       fmt::format("{} must be {}", call_.op.operands[i].name, shape(i)));
  }

  Status bind_name(size_t i, std::string_view name, const Extent& extent) {
    const auto size = affine(call_.graph, extent);
    if (!size) return call_.error(fmt::format("{} has a malformed symbol", call_.show(i)));
    if (const Affine* known = call_.bound(name)) return *known == *size ? Status() : disagree(i, name, *known, *size);
    // An attribute of the same name fixes the size ("[n_rot]").
    if (const auto fixed = term(call_, name); fixed && *fixed != *size) return disagree(i, name, *fixed, *size);
    call_.names[std::string(name)] = {*size, static_cast<int>(i)};
    return {};
  }

  Status check_expressions(size_t i) {
    if (skip(i)) return {};
    BP_TRY(const Texts texts, choose(i));
    const auto parts = align(texts, call_.operand(i).dims);
    for (size_t d = 0; d < texts.size(); ++d) {
      if (texts[d] == ".." || is_name(texts[d])) continue;
      BP_TRY_VOID(check_expression(i, texts[d], (*parts)[d][0]));
    }
    return {};
  }

  Status check_expression(size_t i, std::string_view text, const Extent& extent) {
    const auto size = affine(call_.graph, extent);
    if (!size) return call_.error(fmt::format("{} has a malformed symbol", call_.show(i)));
    const std::string_view name = text.substr(0, text.find('+'));
    if (name.size() < text.size() && call_.bound(name) == nullptr) return solve(i, text, *size);
    const auto expected = evaluate(call_, text);
    if (expected == size) return {};
    return call_.error(
        fmt::format("{} must have {} = {} where it has {}", call_.show(i), text,
                    expected ? affine_text(call_, *expected) : "(an exact size)", affine_text(call_, *size)),
        fmt::format("{} must be {}", call_.op.operands[i].name, shape(i)));
  }

  // "S+1" where nothing else says what S is.
  Status solve(size_t i, std::string_view text, const Affine& size) {
    const size_t plus = text.find('+');
    const auto offset = term(call_, text.substr(plus + 1));
    const auto solved = offset ? affine_add(size, -offset->add) : std::nullopt;
    if (!solved || !to_extent(call_.graph, *solved)) {
      return call_.error(fmt::format("{} is no {}", call_.show(i), text), "declare the symbol it is derived from");
    }
    call_.names[std::string(text.substr(0, plus))] = {*solved, static_cast<int>(i)};
    return {};
  }

  Status disagree(size_t i, std::string_view name, const Affine& known, const Affine& got) const {
    const auto it = call_.names.find(name);
    const int other = it == call_.names.end() ? -1 : it->second.operand;
    const std::string left = other < 0 ? fmt::format("attribute {}", name) : call_.show(static_cast<size_t>(other));
    return call_.error(fmt::format("{} and {} disagree in {} ({}, {})", left, call_.show(i), name,
                                   affine_text(call_, known), affine_text(call_, got)),
                       other < 0
                           ? fmt::format("{} must be {}", call_.op.operands[i].name, shape(i))
                           : fmt::format("{} must be {} and {} {}", call_.op.operands[static_cast<size_t>(other)].name,
                                         shape(static_cast<size_t>(other)), call_.op.operands[i].name, shape(i)));
  }

  Inference& call_;
};

}  // namespace

Status match_shapes(Inference& call) { return Matcher(call).run(); }

Result<std::vector<Extent>> result_dims(const Inference& call, const ResultDef& result) {
  std::vector<Extent> dims;
  for (const std::string_view text : dim_texts(result.shape)) {
    if (text == "..") {
      dims.insert(dims.end(), call.rest.begin(), call.rest.end());
      continue;
    }
    const auto size = evaluate(call, text);
    const auto extent = size ? to_extent(call.graph, *size) : std::nullopt;
    if (!extent) {
      return call.error(fmt::format("its result {} needs a size {}{}", result.name, text,
                                    size ? " = " + affine_text(call, *size) : ""),
                        "declare a derived symbol of that size");
    }
    dims.push_back(*extent);
  }
  return dims;
}

}  // namespace bp
