// The middle of some values. Thread-safe: a pure function.
#pragma once

#include <algorithm>
#include <vector>

namespace bp {

// The mean of the two in the middle where their number is even; 0 of none.
inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace bp
