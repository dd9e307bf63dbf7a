// The tiny models of tests/goldens, each opened once in a process.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "model/model.h"

namespace bp {

inline const Model& model_of(const std::string& name) {
  static std::map<std::string, std::unique_ptr<Model>, std::less<>> models;
  auto& model = models[name];
  if (model == nullptr) {
    auto opened = Model::open(std::string(BP_SOURCE_DIR "/tests/goldens/data/") + name);
    EXPECT_TRUE(opened.has_value()) << opened.error().message();
    model = std::make_unique<Model>(std::move(*opened));
  }
  return *model;
}

}  // namespace bp
