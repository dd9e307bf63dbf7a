#include "compile/most_gain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace bp {
namespace {

double gain_of(const std::vector<Choice>& choices, const std::vector<size_t>& chosen) {
  std::set<int32_t> taken;
  double gain = 0;
  for (const size_t i : chosen) {
    for (const int32_t item : choices[i].items) EXPECT_TRUE(taken.insert(item).second) << "item " << item << " twice";
    gain += choices[i].gain;
  }
  return gain;
}

// By trying every subset.
double most(const std::vector<Choice>& choices, size_t from, std::set<int32_t> taken) {
  if (from == choices.size()) return 0;
  double best = most(choices, from + 1, taken);
  for (const int32_t item : choices[from].items) {
    if (!taken.insert(item).second) return best;
  }
  return std::max(best, choices[from].gain + most(choices, from + 1, taken));
}

std::vector<Choice> random_choices(std::mt19937& random, int n_choices, int n_items, int reach) {
  std::vector<Choice> choices;
  for (int i = 0; i < n_choices; ++i) {
    std::set<int32_t> items;
    const int first = static_cast<int>(random() % static_cast<unsigned>(n_items));
    const int n = 1 + static_cast<int>(random() % 4);
    for (int k = 0; k < n; ++k) items.insert(first + static_cast<int>(random() % static_cast<unsigned>(reach)));
    choices.push_back({{items.begin(), items.end()}, 1.0 + static_cast<double>(random() % 100)});
  }
  return choices;
}

TEST(MostGain, IsThatOfTheBestSubset) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 60; ++trial) {
    const auto choices = random_choices(random, 12, 10, 6);
    EXPECT_EQ(gain_of(choices, most_gain(choices)), most(choices, 0, {})) << "trial " << trial;
  }
}

TEST(MostGain, PrefersWhatComesFirstAmongEquals) {
  const std::vector<Choice> choices = {{{0, 1}, 4}, {{0, 1}, 4}, {{2}, 1}, {{2}, 1}};
  EXPECT_EQ(most_gain(choices), (std::vector<size_t>{0, 2}));
  EXPECT_TRUE(most_gain({}).empty());
}

// With room for one state alone it goes on with what gained most so far, but never falls below largest first.
TEST(MostGain, IsBoundedAndNoWorseThanLargestFirst) {
  std::mt19937 random(9);
  for (int trial = 0; trial < 4; ++trial) {
    const auto choices = random_choices(random, 120, 100, 40);
    const double full = gain_of(choices, most_gain(choices, 64));
    const double tight = gain_of(choices, most_gain(choices, 1));
    std::vector<size_t> order(choices.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, std::greater<>(), [&](size_t i) { return choices[i].gain; });
    std::set<int32_t> taken;
    double greedy = 0;
    for (const size_t i : order) {
      if (std::ranges::any_of(choices[i].items, [&](int32_t item) { return taken.contains(item); })) continue;
      taken.insert(choices[i].items.begin(), choices[i].items.end());
      greedy += choices[i].gain;
    }
    EXPECT_GE(tight, greedy);
    EXPECT_GE(full, greedy);
  }
}

}  // namespace
}  // namespace bp
