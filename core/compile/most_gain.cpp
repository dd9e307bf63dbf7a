#include "compile/most_gain.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_set>

namespace bp {
namespace {

constexpr int64_t kNoTrail = -1;

// One way to come to an item: what was gained, and by which choices.
struct State {
  double gain = 0;
  int64_t trail = kNoTrail;
};
struct Trail {
  int64_t before;
  size_t choice;
};
// By the later items that are taken, ascending.
using States = std::map<std::vector<int32_t>, State>;

void keep_better(States& states, std::vector<int32_t> taken, const State& state) {
  const auto [known, is_new] = states.emplace(std::move(taken), state);
  if (!is_new && state.gain > known->second.gain) known->second = state;
}

bool disjoint(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (*x == *y) return false;
    *x < *y ? ++x : ++y;
  }
  return true;
}

void drop_worst(States& states, size_t max_states) {
  if (states.size() <= max_states) return;
  std::vector<double> gains;
  for (const auto& [taken, state] : states) gains.push_back(state.gain);
  std::ranges::nth_element(gains, gains.begin() + static_cast<ptrdiff_t>(max_states - 1), std::greater<>());
  const double least = gains[max_states - 1];
  size_t equal = max_states;
  for (const auto& [taken, state] : states) equal -= state.gain > least ? 1 : 0;
  std::erase_if(states, [&](const auto& entry) {
    if (entry.second.gain != least) return entry.second.gain < least;
    if (equal == 0) return true;
    --equal;
    return false;
  });
}

std::vector<size_t> by_first_item(std::span<const Choice> choices) {
  std::vector<size_t> order(choices.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return choices[i].items.front(); });
  return order;
}

std::vector<size_t> largest_first(std::span<const Choice> choices) {
  std::vector<size_t> order(choices.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](size_t i) { return choices[i].gain; });
  std::unordered_set<int32_t> taken;
  std::vector<size_t> chosen;
  for (const size_t i : order) {
    const auto& items = choices[i].items;
    if (std::ranges::any_of(items, [&](int32_t item) { return taken.contains(item); })) continue;
    taken.insert(items.begin(), items.end());
    chosen.push_back(i);
  }
  return chosen;
}

double gain_of(std::span<const Choice> choices, std::span<const size_t> chosen) {
  double total = 0;
  for (const size_t i : chosen) total += choices[i].gain;
  return total;
}

}  // namespace

std::vector<size_t> most_gain(std::span<const Choice> choices, size_t max_states) {
  const std::vector<size_t> order = by_first_item(choices);
  std::vector<Trail> trails;
  States states = {{{}, {}}};
  bool all_kept = true;
  for (size_t begin = 0; begin < order.size();) {
    const int32_t item = choices[order[begin]].items.front();
    size_t end = begin;
    while (end < order.size() && choices[order[end]].items.front() == item) ++end;
    States next;
    for (const auto& [taken, state] : states) {
      const auto first_later = std::ranges::upper_bound(taken, item);
      const bool free = !std::ranges::binary_search(taken, item);
      const std::vector<int32_t> later(first_later, taken.end());
      for (size_t i = begin; free && i < end; ++i) {
        const Choice& choice = choices[order[i]];
        if (!disjoint(choice.items, later)) continue;
        std::vector<int32_t> joined;
        std::ranges::set_union(later, std::span(choice.items).subspan(1), std::back_inserter(joined));
        trails.push_back({state.trail, order[i]});
        keep_better(next, std::move(joined), {state.gain + choice.gain, static_cast<int64_t>(trails.size()) - 1});
      }
      keep_better(next, later, state);
    }
    all_kept &= next.size() <= max_states;
    drop_worst(next, max_states);
    states = std::move(next);
    begin = end;
  }
  const auto best = std::ranges::max_element(states, {}, [](const auto& entry) { return entry.second.gain; });
  std::vector<size_t> chosen;
  for (int64_t at = best->second.trail; at != kNoTrail; at = trails[static_cast<size_t>(at)].before)
    chosen.push_back(trails[static_cast<size_t>(at)].choice);
  if (!all_kept) {
    std::vector<size_t> simple = largest_first(choices);
    if (gain_of(choices, simple) > gain_of(choices, chosen)) chosen = std::move(simple);
  }
  std::ranges::sort(chosen, {}, [&](size_t i) { return std::pair(choices[i].items.front(), i); });
  return chosen;
}

}  // namespace bp
