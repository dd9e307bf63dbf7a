// Tokenizers without weights: GGUF files of a vocabulary alone, and folders with only tokenizer files.
#include "engine/text_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace bp {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A GGUF of metadata alone, written a pair at a time.
class Gguf {
 public:
  Gguf& text(const std::string& key, const std::string& value) {
    begin(key, 8);
    put_text(value);
    return *this;
  }
  Gguf& texts(const std::string& key, const std::vector<std::string>& values) {
    begin_array(key, 8, values.size());
    for (const auto& value : values) put_text(value);
    return *this;
  }
  template <class T>
  Gguf& numbers(const std::string& key, uint32_t type, const std::vector<T>& values) {
    begin_array(key, type, values.size());
    for (const T value : values) put(value);
    return *this;
  }
  std::string bytes() const {
    std::string head = "GGUF";
    const auto add = [&](auto value) { head.append(reinterpret_cast<const char*>(&value), sizeof value); };
    add(uint32_t{3});
    add(uint64_t{0});
    add(n_pairs_);
    return head + pairs_;
  }

 private:
  template <class T>
  void put(T value) {
    pairs_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put_text(const std::string& value) {
    put(uint64_t{value.size()});
    pairs_ += value;
  }
  void begin(const std::string& key, uint32_t type) {
    ++n_pairs_;
    put_text(key);
    put(type);
  }
  void begin_array(const std::string& key, uint32_t type, size_t count) {
    begin(key, 9);
    put(type);
    put(uint64_t{count});
  }

  std::string pairs_;
  uint64_t n_pairs_ = 0;
};

class TextModels : public ::testing::Test {
 protected:
  TextModels() : folder_(fs::temp_directory_path() / ("bp_text_model_" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~TextModels() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  Result<TextModel> load(const Gguf& file) { return load_text_model_from(write("vocab.gguf", file.bytes())); }
  void copy(const std::string& name, const std::string& as) {
    fs::copy_file(fs::path(BP_SOURCE_DIR) / "tests/core/tokenizer/data" / name, folder_ / as);
  }

  fs::path folder_;
};

const std::vector<std::string> kTokens = {"<unk>", "<s>", "</s>", "▁", "a", "▁a", "<0x62>"};
const std::vector<int32_t> kTypes = {2, 3, 3, 1, 1, 1, 6};
const std::vector<float> kScores = {0, 0, 0, -3, -2, -1, 0};

TEST_F(TextModels, AVocabularyAloneWillDo) {
  const auto model = load(Gguf()
                              .text("tokenizer.ggml.model", "llama")
                              .texts("tokenizer.ggml.tokens", kTokens)
                              .numbers("tokenizer.ggml.token_type", 5, kTypes)
                              .numbers("tokenizer.ggml.scores", 6, kScores));
  ASSERT_TRUE(model.has_value()) << model.error().message();
  EXPECT_THAT(model->tokenizer.encode("a ab", {.add_special = true}), ElementsAre(1, 5, 5, 6));
  EXPECT_EQ(model->tokenizer.decode(std::vector<TokenId>{1, 5, 5, 6}, true), "a ab");
  EXPECT_EQ(model->eos_text(), "</s>");
  EXPECT_THAT(model->stop_tokens, ElementsAre(2));
}

TEST_F(TextModels, VocabulariesThatContradictThemselvesAreRefused) {
  const auto of = [](const char* kind) { return Gguf().text("tokenizer.ggml.model", kind); };
  const auto refuse = [&](const Gguf& file, const char* why) {
    const auto model = load(file);
    ASSERT_FALSE(model.has_value()) << why;
    EXPECT_THAT(model.error().message(), HasSubstr(why));
  };
  refuse(Gguf(), "tokenizer.ggml.model");
  refuse(of("llama"), "tokenizer.ggml.tokens");
  refuse(of("llama").texts("tokenizer.ggml.tokens", kTokens), "scores");
  refuse(of("t5").texts("tokenizer.ggml.tokens", kTokens).numbers("tokenizer.ggml.scores", 6, std::vector<float>{1}),
         "1 scores for 7 tokens");
  refuse(of("bert")
             .texts("tokenizer.ggml.tokens", kTokens)
             .numbers("tokenizer.ggml.token_type", 5, std::vector<int32_t>{1}),
         "1 token types for 7 tokens");
  const auto t5 = of("t5").texts("tokenizer.ggml.tokens", kTokens).numbers("tokenizer.ggml.scores", 6, kScores);
  refuse(Gguf(t5).numbers("tokenizer.ggml.precompiled_charsmap", 5, std::vector<int32_t>{1}), "no array of bytes");
  refuse(Gguf(t5).numbers("tokenizer.ggml.precompiled_charsmap", 0, std::vector<uint8_t>{9, 9, 9, 9, 1}),
         "normalisation table");
  refuse(Gguf(t5).text("tokenizer.ggml.add_space_prefix", "yes"), "not a bool");
  refuse(of("rwkv").texts("tokenizer.ggml.tokens", kTokens), "rwkv");
}

TEST_F(TextModels, AFolderWithOnlyASentencePieceModelWillDo) {
  copy("bpe_bytes.model", "tokenizer.model");
  write("tokenizer_config.json", R"({"add_bos_token": false, "chat_template": "{{ bos_token }}"})");
  const auto model = load_text_model_from(folder_.string());
  ASSERT_TRUE(model.has_value()) << model.error().message();
  EXPECT_TRUE(model->chat.has_value());
  EXPECT_THAT(model->tokenizer.encode("", {.add_special = true}), ElementsAre());
  const auto ids = model->tokenizer.encode("the fox 🦙");
  EXPECT_EQ(model->tokenizer.decode(ids, true), "the fox 🦙");
}

TEST_F(TextModels, AFolderWithoutTokenizerIsRefused) {
  const auto model = load_text_model_from(folder_.string());
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, ErrorCode::kRefused);
  EXPECT_THAT(model.error().message(), HasSubstr("neither tokenizer.json nor tokenizer.model"));
}

}  // namespace
}  // namespace bp
