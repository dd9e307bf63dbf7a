// Whatever a text is made of, the work grows with its length and not with its square: runs of one kind of character
// through every kind of vocabulary, pre-tokenizer and normaliser, and back. Work is the processor time of this thread,
// and only its growth counts: an eightfold text may take 30 times as long (the best of several), where a square
// takes 64.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "base/json.h"
#include "smollm2.h"
#include "tokenizer/detokenizer.h"
#include "tokenizer/pre_tokenizer_family.h"
#include "tokenizer/tokenizer.h"

namespace bp {
namespace {

// BP_HOSTILE_BYTES names another size than the one that is quick everywhere.
const size_t kSmall = std::getenv("BP_HOSTILE_BYTES") == nullptr ? 1024 : std::stoul(std::getenv("BP_HOSTILE_BYTES"));
const size_t kLarge = 8 * kSmall;
constexpr double kMostGrowth = 30;

// What hostile texts repeat.
const std::vector<std::string>& parts() {
  static const std::vector<std::string> list = {
      "a",
      " ",
      "\n",
      "\t",
      "\r\n",
      " \n",
      "1",
      "!",
      "_",
      "'",
      "A",
      "aA",
      " a",
      "中",
      "。",
      "\u3000",
      "▁",
      "\u0301",
      "\u0323\u0301",        // marks in the wrong order
      "e\u0301\u0323",       //
      "\u1100\u1161\u11a8",  // Hangul in parts
      "👩\u200d",            // one endless cluster
      "🇩",                   // pairs of it are clusters
      "\ufdfa",              // eighteen characters in NFKC
      "\xff",                // no UTF-8
      "\xe4\xb8",            // cut short
      std::string(1, '\0'),
  };
  return list;
}

std::string repeated(std::string_view part, size_t n_bytes) {
  std::string text;
  while (text.size() < n_bytes) text += part;
  return text;
}

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double best_of(int n_rounds, const std::function<void()>& work) {
  double best = 1e9;
  for (int i = 0; i < n_rounds; ++i) {
    const double start = thread_seconds();
    work();
    best = std::min(best, thread_seconds() - start);
  }
  return best;
}

// How many times as long `work` takes for kLarge as for kSmall bytes.
double growth(const std::function<void(size_t)>& work) {
  const double small = best_of(3, [&] { work(kSmall); });
  double large = best_of(1, [&] { work(kLarge); });
  if (large > kMostGrowth * small) large = best_of(3, [&] { work(kLarge); });
  return large / std::max(small, 2e-6);
}

std::string streamed(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  Detokenizer detokenizer(tokenizer, false);
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  return text + detokenizer.flush();
}

// Encodes, decodes and streams: alone, and behind and before something else.
void expect_linear(const Tokenizer& tokenizer, const std::string& part) {
  std::map<size_t, std::string> texts;
  for (const size_t size : {kSmall, kLarge}) texts[size] = "x" + repeated(part, size) + "x";
  std::map<size_t, std::vector<TokenId>> ids;
  EXPECT_LT(growth([&](size_t size) { ids[size] = tokenizer.encode(texts[size], {.parse_special = true}); }),
            kMostGrowth)
      << "encode";
  std::string decoded;
  EXPECT_LT(growth([&](size_t size) { decoded = tokenizer.decode(ids[size], false); }), kMostGrowth) << "decode";
  EXPECT_EQ(streamed(tokenizer, ids[kLarge]), decoded);
}

void expect_linear_everywhere(const std::string& name, const Tokenizer& tokenizer) {
  for (const std::string& part : parts()) {
    SCOPED_TRACE(name + ": " + write_json_string(part, true));
    expect_linear(tokenizer, part);
  }
}

std::string file_in_data(const std::string& name) {
  std::ifstream file(std::string(BP_SOURCE_DIR) + "/tests/core/tokenizer/data/" + name, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

Tokenizer sentence_piece(const std::string& name) {
  return Tokenizer::from_sentence_piece(file_in_data(name), "", "", name).value();
}

// A tokenizer.json of data/pipelines.jsonl.
Tokenizer pipeline(const std::string& name) {
  std::vector<json::value> models;
  for (const std::string& line : test::lines_of("pipelines.jsonl")) {
    const json::value row = parse_json(line, "pipelines").value();
    if (!row.as_object().contains("name")) {
      models.push_back(row.at("model"));
    } else if (row.at("name").as_string() == name) {
      json::object root = row.at("tokenizer").as_object();
      root["model"] = models.at(static_cast<size_t>(row.at("model").as_int64()));
      return Tokenizer::from_json(write_json(root), "", name).value();
    }
  }
  throw std::runtime_error("no pipeline " + name);
}

// Words of one and two letters, as GGUF marks them.
Tokenizer word_piece() {
  Vocabulary v;
  v.model = "bert";
  v.tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]"};
  v.types.assign(4, TokenType::kControl);
  for (const char* word : {"a", "x", "1", "!", "_", "'", "中", "。"}) {
    for (const std::string& token : {std::string("▁") + word, std::string(word), word + std::string(word)}) {
      v.tokens.push_back(token);
      v.types.push_back(TokenType::kNormal);
    }
  }
  v.unk = 1;
  v.cls = 2;
  v.sep = 3;
  return Tokenizer::create(std::move(v), "bert").value();
}

Tokenizer byte_level(const std::string& pre) {
  Vocabulary v = test::smollm2_vocabulary();
  v.pre = pre;
  return Tokenizer::create(std::move(v), pre).value();
}

TEST(HostileText, ByteLevelBpeIsLinear) {
  for (const char* pre : {"smollm", "llama-bpe", "qwen2"}) expect_linear_everywhere(pre, byte_level(pre));
}

// One of each family; the longest run of a text without a match is the one piece that remains.
TEST(HostileText, EveryPreTokenizerIsLinear) {
  for (const char* name :
       {"gpt-2",   "smollm",   "llama-bpe",  "qwen2",      "qwen35",       "ufakzeka",       "laguna",
        "gpt-4o",  "tiny_aya", "tekken",     "falcon",     "deepseek-llm", "deepseek-coder", "deepseek-v3",
        "kimi-k2", "minicpm5", "seed-coder", "bailingmoe", "exaone-moe",   "bloom",          "viking"}) {
    const PreTokenizer pre_tokenizer = pre_tokenizer_family(name, name).value().pre_tokenizer;
    for (const std::string& part : parts()) {
      for (const char* end : {"", "x", "\n"}) {
        SCOPED_TRACE(std::string(name) + ": " + write_json_string(part, true) + " before " + end);
        PreTokens tokens;
        std::string text;
        EXPECT_LT(growth([&](size_t size) {
                    text = repeated(part, size) + end;
                    pre_tokenizer.split(text, true, tokens);
                  }),
                  kMostGrowth);
        EXPECT_FALSE(tokens.pieces.empty());
      }
    }
  }
}

TEST(HostileText, SentencePieceIsLinear) {
  for (const char* name : {"bpe_bytes.model", "bpe_trimmed.model", "unigram_nmt.model", "unigram_bytes.model"})
    expect_linear_everywhere(name, sentence_piece(name));
}

TEST(HostileText, WordPieceIsLinear) {
  expect_linear_everywhere("bert", word_piece());
  expect_linear_everywhere("bert True", pipeline("bert True"));
}

TEST(HostileText, PipelinesOfTokenizerJsonAreLinear) {
  for (const char* name : {"normalizer Sequence", "normalizer Replace Regex", "split general", "falcon",
                           "steps behind ByteLevel", "Metaspace always True", "llama 2", "word suffix", "word prefix",
                           "Strip decoder", "no decoder", "unigram, xlm", "WordLevel"}) {
    expect_linear_everywhere(name, pipeline(name));
  }
}

// A text of nothing but one added token, or of one that nearly is, whichever way it takes the white space around it.
TEST(HostileText, AddedTokensAreLinear) {
  json::object root;
  for (const std::string& line : test::lines_of("pipelines.jsonl")) {
    json::value row = parse_json(line, "pipelines").value();
    if (row.as_object().contains("model") && !row.as_object().contains("name")) root["model"] = row.at("model");
    if (row.as_object().contains("name")) break;
  }
  root["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  root["decoder"] = {{"type", "ByteLevel"}};
  const std::string long_token = "<" + std::string(200, '-') + ">";
  json::array added;
  int64_t id = 2000;
  for (const auto& [text, flag] : {std::pair<std::string, const char*>{"<l>", "lstrip"},
                                   {"<r>", "rstrip"},
                                   {"<b>", "single_word"},
                                   {"<n>", "normalized"},
                                   {long_token, "special"}}) {
    added.push_back(json::object{{"id", id++}, {"content", text}, {flag, true}});
  }
  root["added_tokens"] = added;
  const auto tokenizer = Tokenizer::from_json(write_json(root), "", "added");
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
  for (const std::string& part :
       {std::string("<l>"), std::string("<r>"), std::string("<b>"), std::string("<n>"), std::string("   <l>"),
        std::string("<r>   "), std::string("a<b>"), std::string("<l"), long_token, std::string("-")}) {
    SCOPED_TRACE(part);
    expect_linear(*tokenizer, part);
  }
  EXPECT_EQ(tokenizer->encode(repeated("<l>", 3000)), std::vector<TokenId>(1000, 2000));
}

// Ids that no text gives: bytes that never become a character, and tokens that are held back.
TEST(HostileText, AnyStreamOfOneTokenIsLinear) {
  for (const char* model : {"bpe_bytes.model", "unigram_bytes.model"}) {
    const Tokenizer tokenizer = sentence_piece(model);
    for (const char* token : {"<0xFF>", "<0xE4>", "<0x80>", "<0x20>", "▁", "</s>"}) {
      const std::optional<TokenId> id = tokenizer.find(token);
      ASSERT_TRUE(id.has_value()) << token;
      std::string text;
      EXPECT_LT(growth([&](size_t n) { text = streamed(tokenizer, std::vector<TokenId>(n, *id)); }), kMostGrowth)
          << model << token;
      EXPECT_EQ(text, tokenizer.decode(std::vector<TokenId>(kLarge, *id), false)) << model << token;
    }
  }
}

// What may be stripped from the end of a text is held back, however much that is.
TEST(HostileText, SpacesThatMayBeStrippedAreLinear) {
  for (const int64_t stop : {1, 3, 1'000'000}) {
    const json::object strip = {{"type", "Strip"}, {"content", " "}, {"start", 0}, {"stop", stop}};
    const json::object root = {
        {"decoder",
         json::object{{"type", "Sequence"}, {"decoders", json::array{json::object{{"type", "Fuse"}}, strip}}}},
        {"model", json::object{{"type", "WordLevel"}, {"vocab", json::object{{" ", 0}, {"a", 1}}}}}};
    const auto tokenizer = Tokenizer::from_json(write_json(root), "", "strip");
    ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
    std::string text;
    EXPECT_LT(growth([&](size_t n) { text = streamed(*tokenizer, std::vector<TokenId>(n, 0)); }), kMostGrowth);
    EXPECT_EQ(text.size(), kLarge - std::min<size_t>(kLarge, static_cast<size_t>(stop)));
    EXPECT_EQ(streamed(*tokenizer, {0, 0, 1, 0, 0, 0, 0, 1, 0}), "  a    a");
    EXPECT_EQ(streamed(*tokenizer, {1, 0, 0}), stop == 1 ? "a " : "a");
  }
}

constexpr size_t kMegabyte = size_t{1} << 20;

TEST(HostileText, AMegabyteOfOneLetterComesBackFromByteLevelBpe) {
  const std::string text(kMegabyte, 'a');
  EXPECT_EQ(test::smollm2().decode(test::smollm2().encode(text), false), text);
}

TEST(HostileText, AMegabyteOfSpacesComesBackFromSentencePieceBpe) {
  const std::string text(kMegabyte, ' ');
  const Tokenizer tokenizer = sentence_piece("bpe_bytes.model");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text), false), text);
}

TEST(HostileText, AMegabyteOfMarksComesBackFromUnigram) {
  const std::string text = repeated("\u0301", kMegabyte);
  const Tokenizer tokenizer = sentence_piece("unigram_bytes.model");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text), false), text);
}

TEST(HostileText, AMegabyteOfOneLetterIsOneUnknownWordOfWordPiece) {
  EXPECT_THAT(word_piece().encode(std::string(kMegabyte, 'a')), testing::ElementsAre(1));
}

}  // namespace
}  // namespace bp
