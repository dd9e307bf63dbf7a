// A folder for models, and a model whose file is known, for the tests of the zoo.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/sha256.h"
#include "zoo/pull.h"

namespace bp::testing {

class ZooTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "zoo_test.XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    // The proxy of the machine that tests run on is not for servers of the test.
    for (const char* variable : {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY", "HF_TOKEN"})
      ::unsetenv(variable);
    for (size_t i = 0; i < 200'000; ++i) file_ += static_cast<char>(i * i >> 3);
    model_ = {
        .name = "tiny", .licence = "MIT", .format = "gguf", .files = {{"tiny.gguf", file_.size(), sha256_hex(file_)}}};
    options_.models_dir = folder_ + "/models";
    options_.backoff_ms = 1;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void use_hub(const std::string& url) {
    model_.sources = {HubSource{"me/tiny", "abc123"}};
    options_.hub_url = url;
  }
  std::string path(const std::string& suffix = "") const { return options_.models_dir + "/tiny/tiny.gguf" + suffix; }
  bool exists(const std::string& suffix = "") const { return std::filesystem::exists(path(suffix)); }
  static std::string content(const std::string& at) {
    std::ostringstream text;
    text << std::ifstream(at, std::ios::binary).rdbuf();
    return text.str();
  }
  static void write(const std::string& at, std::string_view text) {
    std::filesystem::create_directories(std::filesystem::path(at).parent_path());
    std::ofstream(at, std::ios::binary) << text;
  }
  // The model is there, whole and noted; nothing else is left over.
  void expect_pulled(const Result<PulledModel>& result) const {
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(result->path, path());
    EXPECT_EQ(result->sha256, model_.files[0].sha256);
    EXPECT_TRUE(content(path()) == file_);
    EXPECT_TRUE(exists(".sha256"));
    EXPECT_FALSE(exists(".part"));
    EXPECT_FALSE(exists(".part.etag"));
  }

  std::string folder_, file_;
  ZooModel model_;
  PullOptions options_;
};

}  // namespace bp::testing
