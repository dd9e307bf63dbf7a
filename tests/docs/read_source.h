// A file of the project, by its path in it.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/mapped_file.h"

namespace bp {

inline std::string read_source(const std::string& name) {
  const auto text = read_text_file(std::string(BP_SOURCE_DIR) + "/" + name, 1 << 20);
  EXPECT_TRUE(text) << text.error().message();
  return text.value_or("");
}

}  // namespace bp
