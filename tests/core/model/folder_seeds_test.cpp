// The seeds of the fuzz target "folder" (a small model of each kind that is brought into GGUF's form): all open, and no
// damage to them does more than refuse them.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "base/mapped_file.h"
#include "model/model.h"
#include "temp_folder.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator(BP_SOURCE_DIR "/tests/fuzz/corpus/folder")) {
    all.push_back(read_text_file(entry.path().string(), 1 << 20).value_or(""));
  }
  return all;
}

// The length of config.json as four bytes, config.json, then model.safetensors.
Result<Model> open(const test::TempFolder& folder, const std::string& seed) {
  uint32_t size = 0;
  std::memcpy(&size, seed.data(), sizeof(size));
  folder.write("config.json", seed.substr(sizeof(size), size));
  folder.write("model.safetensors", seed.substr(sizeof(size) + size));
  return Model::open(folder.path());
}

TEST(FolderSeeds, AllOpen) {
  ASSERT_GE(seeds().size(), 6u);
  for (const std::string& seed : seeds()) {
    const test::TempFolder folder;
    const auto model = open(folder, seed);
    EXPECT_TRUE(model) << model.error().message() << "\n" << seed.substr(4, 60);
  }
}

TEST(FolderSeeds, DamageIsRefusedOrHarmless) {
  std::mt19937 random(11);
  int n_refused = 0;
  for (const std::string& seed : seeds()) {
    uint32_t config_size = 0;
    std::memcpy(&config_size, seed.data(), sizeof(config_size));
    const test::TempFolder folder;
    for (int i = 0; i < 40; ++i) {
      std::string damaged = seed;
      const size_t head = sizeof(config_size) + config_size + 2000;  // where names, shapes and switches are
      for (int n = 0; n < 1 + i % 3; ++n) damaged[4 + random() % (head - 4)] ^= static_cast<char>(1 << random() % 7);
      const auto model = open(folder, damaged);
      if (!model) {
        EXPECT_FALSE(model.error().message().empty());
        ++n_refused;
        continue;
      }
      EXPECT_TRUE(model->build_graph({}));
    }
  }
  EXPECT_GT(n_refused, 100);
}

}  // namespace
}  // namespace bp
