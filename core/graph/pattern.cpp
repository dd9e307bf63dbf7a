#include "graph/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

namespace bp {
namespace {

constexpr size_t kMaxText = 4096;
constexpr int kMaxDepth = 32;
constexpr size_t kMaxOps = 64;
constexpr size_t kMaxVariables = 64;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '@';
}

}  // namespace

class PatternParser {
 public:
  PatternParser(std::string_view text, std::string_view where) : text_(text), where_(where) {}

  Result<Pattern> run() {
    if (text_.size() > kMaxText) return error("is longer than 4096 characters");
    skip_space();
    std::vector<Ref> outputs;
    if (at_ < text_.size() && is_word(text_[at_])) {
      BP_TRY(outputs.emplace_back(), op_alone());
    } else if (take("(tuple")) {
      while (!take(")")) {
        BP_TRY(outputs.emplace_back(), expression(1));
      }
    } else {
      BP_TRY(outputs.emplace_back(), expression(0));
    }
    skip_space();
    if (at_ != text_.size()) return error("has text after its end");
    BP_TRY_VOID(set_outputs(outputs));
    return std::move(pattern_);
  }

 private:
  using Ref = Pattern::Ref;

  std::unexpected<Error> error(std::string what) const {
    return fail(ErrorCode::kRefused, std::string(where_), fmt::format("pattern, at character {}: {}", at_, what),
                "see core/graph/pattern.h for the grammar");
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }

  bool take(std::string_view token) {
    skip_space();
    if (!text_.substr(at_).starts_with(token)) return false;
    if (token.size() > 1 && at_ + token.size() < text_.size() && is_word(text_[at_ + token.size()])) return false;
    at_ += token.size();
    return true;
  }

  std::string_view word() {
    skip_space();
    const size_t start = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  Result<std::string> variable_name() {
    if (!take("?")) return error("expected ?name");
    if (at_ == text_.size() || !is_word(text_[at_])) return error("expected a name after ?");
    const std::string_view name = word();
    if (name.find_first_of(".@") != std::string_view::npos) return error("a name has letters, digits and _ only");
    return std::string(name);
  }

  Result<Ref> expression(int depth) {
    if (depth > kMaxDepth) return error("is nested too deeply");
    skip_space();
    if (at_ < text_.size() && text_[at_] == '?') return variable();
    if (!take("(")) return error("expected ( or ?");
    if (take("=")) return named(depth);
    const std::string_view head = word();
    if (head == "result") return result(depth);
    if (head == "tuple") return error("tuple stands only outermost");
    return operation(head, depth);
  }

  Result<Ref> variable() {
    BP_TRY(const std::string name, variable_name());
    const bool optional = at_ < text_.size() && text_[at_] == '*';
    at_ += optional ? 1 : 0;
    return add_variable(name, optional);
  }

  Result<Ref> add_variable(const std::string& name, bool optional) {
    if (const auto it = names_.find(name); it != names_.end()) return it->second;
    if (pattern_.slot_names_.size() == kMaxVariables) return error("has more than 64 variables");
    const Ref ref{-1, static_cast<int>(pattern_.slot_names_.size()), 0};
    pattern_.slot_names_.push_back(name);
    pattern_.optional_.push_back(optional);
    names_.emplace(name, ref);
    return ref;
  }

  Result<Ref> named(int depth) {
    BP_TRY(const std::string name, variable_name());
    BP_TRY(const Ref ref, expression(depth + 1));
    if (ref.op < 0) return error("only an op can be named");
    if (!names_.emplace(name, ref).second) return error(fmt::format("?{} already has a meaning", name));
    op_names_.emplace(ref.op, name);
    return take(")") ? Result<Ref>(ref) : error("expected )");
  }

  Result<Ref> result(int depth) {
    const std::string_view digits = word();
    int index = -1;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    BP_TRY(Ref ref, expression(depth + 1));
    const size_t n_results = ref.op < 0 ? 0 : pattern_.ops_[static_cast<size_t>(ref.op)].op->results.size();
    const bool whole = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
    if (!whole || index < 0 || static_cast<size_t>(index) >= n_results)
      return error("result needs a number of a result");
    ref.result = index;
    return take(")") ? Result<Ref>(ref) : error("expected )");
  }

  Result<Ref> operation(std::string_view name, int depth) {
    const OpDef* op = find_op(name);
    if (op == nullptr) return error(fmt::format("no op {}", name));
    std::vector<Ref> operands;
    while (!take(")")) {
      if (operands.size() == kMaxVariables) return error("has too many operands");
      BP_TRY(operands.emplace_back(), expression(depth + 1));
    }
    return add_op(op, std::move(operands));
  }

  Result<Ref> op_alone() {
    const std::string_view name = word();
    const OpDef* op = find_op(name);
    if (op == nullptr) return error(fmt::format("no op {}", name));
    std::vector<Ref> operands;
    for (const OperandDef& def : op->operands) {
      BP_TRY(operands.emplace_back(), add_variable(std::string(def.name), def.optional));
    }
    return add_op(op, std::move(operands));
  }

  Result<Ref> add_op(const OpDef* op, std::vector<Ref> operands) {
    const bool variadic = op->operands.back().variadic;
    if (operands.size() > op->operands.size() && !variadic)
      return error(fmt::format("{} has fewer operands", op->name));
    for (size_t i = operands.size(); i < op->operands.size(); ++i) {
      if (!op->operands[i].optional) return error(fmt::format("{} needs operand {}", op->name, op->operands[i].name));
    }
    if (pattern_.ops_.size() == kMaxOps) return error("has more than 64 ops");
    pattern_.ops_.push_back({op, std::move(operands)});
    return Ref{static_cast<int>(pattern_.ops_.size() - 1), -1, 0};
  }

  Status set_outputs(const std::vector<Ref>& outputs) {
    if (outputs.empty()) return error("has no output");
    size_t unnamed = 0;
    for (const Ref& ref : outputs) {
      const bool twice =
          std::find(pattern_.outputs_.begin(), pattern_.outputs_.end(), ref.op) != pattern_.outputs_.end();
      if (ref.op < 0 || twice) return error("each output must be an op of its own");
      pattern_.outputs_.push_back(ref.op);
      const auto name = op_names_.find(ref.op);
      for (size_t r = 0; r < pattern_.ops_[static_cast<size_t>(ref.op)].op->results.size(); ++r) {
        const size_t number = name == op_names_.end() ? unnamed++ : r;
        const std::string slot =
            (name == op_names_.end() ? "out" : name->second) + (number == 0 ? "" : std::to_string(number));
        if (pattern_.find_slot(slot)) return error(fmt::format("two slots are named {}", slot));
        pattern_.slot_names_.push_back(slot);
      }
    }
    return {};
  }

  std::string_view text_;
  std::string_view where_;
  size_t at_ = 0;
  Pattern pattern_;
  std::map<std::string, Ref> names_;
  std::map<int, std::string> op_names_;
};

Result<Pattern> Pattern::parse(std::string_view text, std::string_view where) {
  return PatternParser(text, where).run();
}

std::optional<size_t> Pattern::find_slot(std::string_view name) const {
  const auto it = std::find(slot_names_.begin(), slot_names_.end(), name);
  return it == slot_names_.end() ? std::nullopt : std::optional(static_cast<size_t>(it - slot_names_.begin()));
}

}  // namespace bp
