// Tokenizers without weights: GGUF files of a vocabulary alone, and folders with only tokenizer files.
#include "engine/text_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "base/json.h"
#include "tokenizer/sentence_piece_model.h"

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

// One vocabulary, SentencePiece BPE with byte fallback, in the three ways that model files write it.
class ThreeForms : public TextModels {
 protected:
  ThreeForms() {
    copy("bpe_bytes.model", "original.model");
    std::ifstream file(folder_ / "original.model", std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    v_ = read_sentence_piece_model(bytes, "original.model").value();
    // tokenizer.json has no pieces that are found before all others in marked text.
    for (TokenType& type : v_.types) type = type == TokenType::kUserDefined ? TokenType::kNormal : type;
    for (size_t i = 0; i < v_.tokens.size(); ++i) ids_[v_.tokens[i]] = i;
  }

  std::string gguf() const {
    std::vector<int32_t> types;
    for (const TokenType type : v_.types) types.push_back(static_cast<int32_t>(type));
    return Gguf()
        .text("tokenizer.ggml.model", "llama")
        .texts("tokenizer.ggml.tokens", v_.tokens)
        .numbers("tokenizer.ggml.scores", 6, v_.scores)
        .numbers("tokenizer.ggml.token_type", 5, types)
        .bytes();
  }

  // The protocol buffer: pieces {1: text, 2: score, 3: type}, trainer {3: BPE}, normalizer {4: spaces stay}.
  std::string tokenizer_model() const {
    std::string out;
    const auto message = [&](char field, const std::string& content) {
      out += static_cast<char>(field << 3 | 2);
      out += static_cast<char>(content.size());  // below 128
      out += content;
    };
    for (size_t i = 0; i < v_.tokens.size(); ++i) {
      std::string piece = "\x0a";
      piece += static_cast<char>(v_.tokens[i].size());
      piece += v_.tokens[i] + "\x15";
      piece.append(reinterpret_cast<const char*>(&v_.scores[i]), sizeof(float));
      piece += "\x18";
      piece += static_cast<char>(v_.types[i]);
      message(1, piece);
    }
    message(2, "\x18\x02");
    message(3, std::string("\x20\x00", 2));
    return out;
  }

  // As transformers converts it: a merge for every way to make a token of two others, the likeliest first.
  std::string tokenizer_json() const {
    struct Pair {
      float score;
      size_t left_size;
      std::string text;
    };
    std::vector<Pair> pairs;
    json::object vocab;
    json::array added;
    for (size_t id = 0; id < v_.tokens.size(); ++id) {
      const std::string& token = v_.tokens[id];
      vocab[token] = id;
      if (v_.types[id] == TokenType::kControl || v_.types[id] == TokenType::kUnknown)
        added.emplace_back(json::object{{"id", id}, {"content", token}, {"special", true}});
      if (v_.types[id] != TokenType::kNormal) continue;
      for (size_t at = 1; at < token.size(); ++at) {
        if ((static_cast<unsigned char>(token[at]) & 0xC0) == 0x80) continue;
        if (ids_.contains(token.substr(0, at)) && ids_.contains(token.substr(at)))
          pairs.push_back({v_.scores[id], at, token.substr(0, at) + " " + token.substr(at)});
      }
    }
    std::ranges::stable_sort(pairs, [](const Pair& a, const Pair& b) {
      return a.score != b.score ? a.score > b.score : a.left_size > b.left_size;
    });
    json::array merges;
    for (const Pair& pair : pairs) merges.emplace_back(pair.text);
    json::object root =
        parse_json(R"({"normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
              {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
            "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
              {"Sequence": {"id": "A", "type_id": 0}}]},
            "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
              {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
            "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true}})",
                   "root")
            ->get_object();
    root["model"].get_object()["vocab"] = vocab;
    root["model"].get_object()["merges"] = merges;
    root["added_tokens"] = added;
    return write_json(root);
  }

  // Odd strings, and words of the corpus in random order with random gaps.
  static std::vector<std::string> texts() {
    std::vector<std::string> all, words = {"\u00e9", "🦙", "\n", "\t", "0", "\u0301", "▁", "大模型"};
    std::ifstream file(BP_SOURCE_DIR "/tests/core/tokenizer/data/sentencepiece.jsonl");
    for (std::string line; std::getline(file, line);) {
      const json::value row = parse_json(line, "cases").value();
      for (const json::value& entry : row.at("cases").as_array()) all.emplace_back(entry.at("text").as_string());
    }
    for (const std::string& text : std::vector(all)) {
      std::istringstream in(text);
      for (std::string word; in >> word;) words.push_back(word);
    }
    std::mt19937 rng(17);
    for (int i = 0; i < 1000; ++i) {
      std::string text;
      for (size_t n = 1 + rng() % 8; n > 0; --n) text += words[rng() % words.size()] + std::string(rng() % 3, ' ');
      all.push_back(text);
    }
    return all;
  }

  Vocabulary v_;
  std::map<std::string, size_t> ids_;
};

TEST_F(ThreeForms, OneVocabularyGivesTheSameIdsFromGgufTokenizerJsonAndTokenizerModel) {
  write("v.gguf", gguf());
  const auto from_gguf = load_text_model_from((folder_ / "v.gguf").string());
  ASSERT_TRUE(from_gguf.has_value()) << from_gguf.error().message();
  write("tokenizer.model", tokenizer_model());
  const auto from_model = load_text_model_from(folder_.string());
  ASSERT_TRUE(from_model.has_value()) << from_model.error().message();
  write("tokenizer.json", tokenizer_json());
  const auto from_json = load_text_model_from(folder_.string());
  ASSERT_TRUE(from_json.has_value()) << from_json.error().message();
  size_t n_ids = 0;
  for (const std::string& text : texts()) {
    SCOPED_TRACE(write_json_string(text, true));
    const auto ids = from_gguf->tokenizer.encode(text, {.add_special = true});
    EXPECT_EQ(from_model->tokenizer.encode(text, {.add_special = true}), ids);
    EXPECT_EQ(from_json->tokenizer.encode(text, {.add_special = true}), ids);
    const std::string decoded = from_gguf->tokenizer.decode(ids, true);
    EXPECT_EQ(from_model->tokenizer.decode(ids, true), decoded);
    EXPECT_EQ(from_json->tokenizer.decode(ids, true), decoded);
    n_ids += ids.size();
  }
  EXPECT_GT(n_ids, 10'000u);
}

}  // namespace
}  // namespace bp
