// Each part of a tokenizer.json that we execute, against what Hugging Face's tokenizers made of it
// (make/pipelines.py). BP_PIPELINES names another file than the one in data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/json.h"
#include "tokenizer/detokenizer.h"
#include "tokenizer/tokenizer.h"

namespace bp {
namespace {

std::vector<TokenId> ids_of(const json::value& list) {
  std::vector<TokenId> ids;
  for (const json::value& id : list.as_array()) ids.push_back(static_cast<TokenId>(id.as_int64()));
  return ids;
}

std::string streamed(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  Detokenizer detokenizer(tokenizer);
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  return text + detokenizer.flush();
}

void check_pipeline(const json::object& row, const json::value& model) {
  const std::string name(row.at("name").as_string());
  json::object root = row.at("tokenizer").as_object();
  root["model"] = model;
  const auto tokenizer = Tokenizer::from_json(write_json(root), "", name);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
  for (const json::value& entry : row.at("cases").as_array()) {
    const json::object& expected = entry.as_object();
    const std::string text(expected.at("text").as_string());
    SCOPED_TRACE(name + ": " + write_json_string(text, true));
    const std::vector<TokenId> ids = ids_of(expected.at("ids"));
    EXPECT_EQ(tokenizer->encode(text, {.parse_special = true}), ids);
    EXPECT_EQ(tokenizer->encode(text, {.add_special = true, .parse_special = true}),
              ids_of(expected.at("special_ids")));
    if (!expected.contains("decoded")) continue;
    EXPECT_EQ(tokenizer->decode(ids, true), std::string(expected.at("decoded").as_string()));
    EXPECT_EQ(streamed(*tokenizer, ids), std::string(expected.at("decoded").as_string()));
  }
}

TEST(Pipelines, EachPartDoesWhatHuggingFaceDoes) {
  const char* other = std::getenv("BP_PIPELINES");
  std::ifstream file(other != nullptr ? other : BP_SOURCE_DIR "/tests/core/tokenizer/data/pipelines.jsonl");
  std::vector<json::value> models;
  size_t n_pipelines = 0;
  for (std::string line; std::getline(file, line);) {
    const json::value row = parse_json(line, "pipelines").value();
    if (!row.as_object().contains("name")) {
      models.push_back(row.at("model"));
      continue;
    }
    check_pipeline(row.as_object(), models.at(static_cast<size_t>(row.at("model").as_int64())));
    ++n_pipelines;
  }
  EXPECT_GT(n_pipelines, 60u);
}

}  // namespace
}  // namespace bp
