#include "compile/choose_layouts.h"

#include <algorithm>
#include <map>

namespace bp {
namespace {

// A kernel's operand that is a weight.
struct Reader {
  Group* group;
  size_t slot;

  std::span<const std::string> accepted() const { return group->row->layouts[slot]; }
  std::string& layout() const { return group->layouts[slot]; }
  // How much it prefers the layout: 0 is best; nullopt: it does not accept it.
  std::optional<size_t> rank(const std::string& layout) const {
    if (accepted().empty()) return layout.empty() ? std::optional<size_t>(0) : std::nullopt;
    const auto found = std::ranges::find(accepted(), layout.empty() ? "file" : layout);
    if (found == accepted().end()) return std::nullopt;
    return static_cast<size_t>(found - accepted().begin());
  }
};

// Whether it reads the weight so from now on.
bool change(const Reader& reader, const std::string& layout, const AcceptFn& accept) {
  if (reader.layout() == layout) return true;
  const std::string before = reader.layout();
  reader.layout() = layout;
  if (!accept || accept(*reader.group->row, reader.group->match, reader.group->layouts).has_value()) return true;
  reader.layout() = before;
  return false;
}

// The layout that most readers accept, then the one they prefer.
std::string most_wanted(std::span<const Reader> readers) {
  std::map<std::string, std::pair<size_t, size_t>> votes;  // how many, and the sum of their ranks
  const auto vote = [&](const Reader& reader, const std::string& layout) {
    auto& [count, ranks] = votes[layout];
    ++count;
    ranks += reader.rank(layout).value_or(0);
  };
  for (const Reader& reader : readers) {
    if (reader.accepted().empty()) vote(reader, "");
    for (const std::string& name : reader.accepted()) vote(reader, name == "file" ? "" : name);
  }
  return std::ranges::max_element(votes, {},
                                  [](const auto& entry) {
                                    return std::pair(entry.second.first, -static_cast<int64_t>(entry.second.second));
                                  })
      ->first;
}

void settle(std::vector<Reader> readers, std::vector<std::string> held, const AcceptFn& accept) {
  while (!readers.empty()) {
    std::string layout;
    if (held.empty()) {
      layout = most_wanted(readers);
    } else {
      layout = held.back() == "file" ? "" : held.back();
      held.pop_back();
    }
    const size_t before = readers.size();
    std::erase_if(readers, [&](const Reader& reader) {
      return reader.rank(layout).has_value() && change(reader, layout, accept);
    });
    // Nobody took what most want: each keeps what it has.
    if (readers.size() == before && held.empty()) return;
  }
}

}  // namespace

void choose_layouts(const Graph& graph, std::span<Group> groups, const AcceptFn& accept, const HeldFn& held) {
  std::map<int32_t, std::vector<Reader>> readers;  // by host tensor
  for (Group& group : groups) {
    if (group.row == nullptr) continue;
    for (size_t slot = 0; slot < group.match.slots.size(); ++slot) {
      const ValueId id = group.match.slots[slot];
      if (id == kNone || graph.value(id).role != Role::kWeight || graph.value(id).host_tensor == kNone) continue;
      readers[graph.value(id).host_tensor].push_back({&group, slot});
    }
  }
  for (auto& [tensor, of_tensor] : readers) {
    const bool fixed =
        std::ranges::all_of(of_tensor, [](const Reader& reader) { return reader.accepted().size() < 2; });
    if (fixed) continue;
    std::vector<std::string> known;
    if (held) known = held(graph.host_tensors[static_cast<size_t>(tensor)]);
    settle(std::move(of_tensor), std::move(known), accept);
  }
}

}  // namespace bp
