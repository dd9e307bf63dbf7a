#include "template/symbols.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

namespace bp::jinja {
namespace {

using Names = std::set<NameId>;

// What one frame (a block with variables of its own) knows of names, in the order of the template.
struct Symbols {
  const Symbols* parent = nullptr;
  Names known;   // read or set here
  Names stored;  // set here
  Names unset;   // set here without being read before, and unknown outside

  bool knows(NameId name) const {
    for (const Symbols* frame = this; frame != nullptr; frame = frame->parent) {
      if (frame->known.contains(name)) return true;
    }
    return false;
  }
  void load(NameId name) {
    if (!knows(name)) known.insert(name);
  }
  void store(NameId name) {
    stored.insert(name);
    if (known.contains(name)) return;
    if (parent == nullptr || !parent->knows(name)) unset.insert(name);
    known.insert(name);
  }
  void declare(NameId name) {
    stored.insert(name);
    known.insert(name);
  }
  // What is set in some of three branches only keeps the value from outside.
  void join(const std::array<Symbols, 3>& branches) {
    std::map<NameId, int> n_stores;
    for (const Symbols& branch : branches) {
      for (const NameId name : branch.stored) n_stores[name] += stored.contains(name) ? 0 : 1;
    }
    for (const Symbols& branch : branches) {
      known.insert(branch.known.begin(), branch.known.end());
      stored.insert(branch.stored.begin(), branch.stored.end());
      unset.insert(branch.unset.begin(), branch.unset.end());
    }
    for (const auto& [name, n] : n_stores) {
      if (n != 0 && n != std::ssize(branches)) unset.erase(name);
    }
  }
};

class SymbolFinder {
 public:
  // `begin` declares what the frame is given.
  template <class Begin>
  std::vector<NameId> frame(Block& block, const Symbols* parent, Begin begin) {
    Symbols symbols{.parent = parent, .known = {}, .stored = {}, .unset = {}};
    begin(symbols);
    read(block, symbols);
    enter(block, symbols);
    return {symbols.unset.begin(), symbols.unset.end()};
  }

 private:
  static void nothing(Symbols&) {}

  // The names that the statements of a frame use themselves.
  void read(const Block& block, Symbols& symbols) {
    for (const auto& node : block) read(*node, symbols);
  }

  void read(const Statement& node, Symbols& symbols) {
    switch (node.kind) {
      case StatementKind::kIf:
        read_if(node, symbols);
        break;
      case StatementKind::kSet:
        read(node.value.get(), symbols);
        read_target(*node.target, symbols);
        break;
      case StatementKind::kSetBlock:
        read_target(*node.target, symbols);
        break;
      case StatementKind::kMacro:
        symbols.store(node.name);
        break;
      case StatementKind::kWith:
        for (const auto& parameter : node.parameters) read(parameter.value.get(), symbols);
        break;
      default:  // what for goes over, what call calls, what filter filters with
        read(node.value.get(), symbols);
    }
  }

  // `elif` branches count as one.
  void read_if(const Statement& node, Symbols& symbols) {
    read(node.branches[0].test.get(), symbols);
    std::array<Symbols, 3> branches{symbols, symbols, symbols};
    read(node.branches[0].body, branches[0]);
    for (size_t i = 1; i < node.branches.size(); ++i) {
      read(node.branches[i].test.get(), branches[1]);
      Symbols before = branches[1];
      std::array<Symbols, 3> inner{before, before, before};
      read(node.branches[i].body, inner[0]);
      branches[1].join(inner);
    }
    read(node.otherwise, branches[2]);
    symbols.join(branches);
  }

  void read(const Expression* node, Symbols& symbols) {
    if (node == nullptr) return;
    if (node->kind == ExpressionKind::kName) symbols.load(node->name);
    for (const auto& child : node->children) read(child.get(), symbols);
    for (const auto& keyword : node->keywords) read(keyword.value.get(), symbols);
    read(node->splat.get(), symbols);
    read(node->named_splat.get(), symbols);
  }

  void read_target(const Expression& target, Symbols& symbols) {
    if (target.kind == ExpressionKind::kName) return symbols.store(target.name);
    if (target.kind == ExpressionKind::kAttribute) return read(target.children[0].get(), symbols);
    for (const auto& child : target.children) read_target(*child, symbols);
  }

  static void declare_target(const Expression& target, Symbols& symbols) {
    if (target.kind == ExpressionKind::kName) symbols.declare(target.name);
    for (const auto& child : target.children) declare_target(*child, symbols);
  }

  // The frames inside of a frame, once all of its own names are known.
  void enter(Block& block, const Symbols& symbols) {
    for (auto& node : block) enter(*node, symbols);
  }

  void enter(Statement& node, const Symbols& symbols) {
    switch (node.kind) {
      case StatementKind::kIf:
        for (auto& branch : node.branches) enter(branch.body, symbols);
        enter(node.otherwise, symbols);
        break;
      case StatementKind::kFor:
        node.unset = frame(node.body, &symbols, [&](Symbols& inner) { declare_target(*node.target, inner); });
        node.otherwise_unset = frame(node.otherwise, &symbols, nothing);
        break;
      case StatementKind::kMacro:
      case StatementKind::kCall:
      case StatementKind::kWith:
        node.unset = frame(node.body, &symbols, [&](Symbols& inner) {
          for (const auto& parameter : node.parameters) inner.declare(parameter.name);
          if (node.kind == StatementKind::kWith) return;
          for (const auto& parameter : node.parameters) read(parameter.value.get(), inner);
        });
        break;
      default:
        node.unset = frame(node.body, &symbols, nothing);
    }
  }
};

}  // namespace

void find_unset_names(Template& source) {
  source.unset = SymbolFinder().frame(source.body, nullptr, [](Symbols&) {});
}

}  // namespace bp::jinja
