// Files of tests/core/quant/fixtures, written by the Python scripts beside it.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace bp {

template <class T>
std::vector<T> read_fixture(const std::string& name) {
  std::ifstream file(std::string(BP_SOURCE_DIR "/tests/core/quant/fixtures/") + name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(text.empty()) << name;
  std::vector<T> values(text.size() / sizeof(T));
  std::memcpy(values.data(), text.data(), values.size() * sizeof(T));
  return values;
}

}  // namespace bp
