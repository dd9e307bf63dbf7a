#include "template/resolve.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "template/filters.h"

namespace bp::jinja {
namespace {

class Resolver {
 public:
  explicit Resolver(const Template& source) : names_(source.names) {}

  void visit(Block& block, bool in_condition) {
    for (auto& node : block) visit(*node, in_condition);
  }
  const UnknownName& unknown() const { return unknown_; }

 private:
  void visit(Statement& node, bool in_condition) {
    const bool is_if = node.kind == StatementKind::kIf;
    // What a statement evaluates is its own frame's; its body begins a new one, but for if.
    visit(node.value.get(), in_condition);
    visit(node.condition.get(), false);
    for (auto& parameter : node.parameters) visit(parameter.value.get(), false);
    for (auto& branch : node.branches) {
      visit(branch.test.get(), true);
      visit(branch.body, true);
    }
    visit(node.body, false);
    visit(node.otherwise, is_if);
    if (node.kind == StatementKind::kMacro || node.kind == StatementKind::kCall) find_special_names(node);
  }

  void visit(Expression* node, bool in_condition) {
    if (node == nullptr) return;
    if (node->kind == ExpressionKind::kFilter) {
      node->filter = find_filter(node->text);
      if (node->filter == nullptr) is_unknown("filter", *node, in_condition);
    }
    if (node->kind == ExpressionKind::kTest) {
      node->test = find_test(node->text);
      if (node->test == nullptr) is_unknown("test", *node, in_condition);
    }
    const bool soft = in_condition || node->kind == ExpressionKind::kCondition;
    for (auto& child : node->children) visit(child.get(), soft);
    for (auto& keyword : node->keywords) visit(keyword.value.get(), soft);
    visit(node->splat.get(), soft);
    visit(node->named_splat.get(), soft);
  }

  void is_unknown(std::string_view kind, const Expression& node, bool in_condition) {
    if (in_condition || !unknown_.what.empty()) return;
    unknown_ = {fmt::format("No {} named '{}'.", kind, node.text.substr(0, 100)), node.line};
  }

  void find_special_names(Statement& macro) {
    std::set<std::string_view> read;
    read_names(macro.body, read);
    macro.takes_varargs = read.contains("varargs");
    macro.takes_kwargs = read.contains("kwargs");
    macro.takes_caller = read.contains("caller");
  }

  void read_names(const Block& block, std::set<std::string_view>& read) const {
    for (const auto& node : block) {
      read_names(node->value.get(), read);
      read_names(node->condition.get(), read);
      if (node->target != nullptr && node->target->kind == ExpressionKind::kAttribute)
        read_names(node->target.get(), read);
      for (const auto& parameter : node->parameters) read_names(parameter.value.get(), read);
      for (const auto& branch : node->branches) {
        read_names(branch.test.get(), read);
        read_names(branch.body, read);
      }
      read_names(node->body, read);
      read_names(node->otherwise, read);
    }
  }

  void read_names(const Expression* node, std::set<std::string_view>& read) const {
    if (node == nullptr) return;
    if (node->kind == ExpressionKind::kName) {
      const std::string_view name = names_[static_cast<size_t>(node->name)];
      if (name == "varargs" || name == "kwargs" || name == "caller") read.insert(name);
    }
    for (const auto& child : node->children) read_names(child.get(), read);
    for (const auto& keyword : node->keywords) read_names(keyword.value.get(), read);
    read_names(node->splat.get(), read);
    read_names(node->named_splat.get(), read);
  }

  const std::vector<std::string>& names_;
  UnknownName unknown_;
};

}  // namespace

UnknownName resolve(Template& source) {
  Resolver resolver(source);
  resolver.visit(source.body, false);
  return resolver.unknown();
}

}  // namespace bp::jinja
