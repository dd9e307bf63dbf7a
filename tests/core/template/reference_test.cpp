// What jinja2 under transformers made of templates and values: differential.py wrote the files.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "base/mapped_file.h"
#include "template/chat.h"

namespace bp {
namespace {

constexpr const char* kNow = "2026-11-23T12:00:00";

std::string data_file(const std::string& name) {
  return read_text_file(std::string(BP_SOURCE_DIR) + "/tests/core/template/data/" + name, 4 << 20).value();
}

struct Counts {
  int n_rendered = 0, n_refused = 0;
};

// Each row has a template or the name of one of data/chats.
Counts compare_all(const std::string& file) {
  Counts counts;
  std::map<std::string, std::string> sources;
  std::istringstream rows(data_file(file));
  for (std::string line; std::getline(rows, line);) {
    const json::value row = parse_json(line, file).value();
    std::string source;
    if (const json::value* name = row.as_object().if_contains("file")) {
      const std::string path = "chats/" + std::string(name->as_string()) + ".jinja";
      if (!sources.contains(path)) sources[path] = data_file(path);
      source = sources[path];
    } else {
      source = std::string(row.at("template").as_string());
    }
    SCOPED_TRACE(line.substr(0, 600));
    const auto chat = ChatTemplate::parse(source, "template");
    const auto text = chat ? chat->render({row.at("variables").as_object(), kNow})
                           : Result<std::string>(std::unexpected(chat.error()));
    if (const json::value* rendered = row.as_object().if_contains("rendered")) {
      EXPECT_EQ(text ? *text : "error: " + text.error().message(), std::string(rendered->as_string()));
      ++counts.n_rendered;
    } else {
      EXPECT_FALSE(text.has_value()) << "the reference refuses, this gives " << text.value_or("");
      ++counts.n_refused;
    }
  }
  return counts;
}

TEST(Reference, RandomTemplatesOverRandomValues) {
  const Counts counts = compare_all("expressions.jsonl");
  EXPECT_GT(counts.n_rendered, 300);
  EXPECT_GT(counts.n_refused, 200);
}

TEST(Reference, ChatTemplatesOverRandomConversations) {
  const Counts counts = compare_all("chats.jsonl");
  EXPECT_GT(counts.n_rendered, 100);
  EXPECT_GT(counts.n_refused, 40);
}

}  // namespace
}  // namespace bp
