#include "template/chat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/mapped_file.h"
#include "render.h"

namespace bp {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string data_file(const std::string& name) {
  return read_text_file(std::string(BP_SOURCE_DIR) + "/tests/core/template/data/" + name, 1 << 20).value();
}

// Rows of the reference renderer: messages, options, and what it made of them.
TEST(ChatTemplate, SmolLM2RendersAsTheReferenceDoes) {
  const auto chat = ChatTemplate::parse(data_file("smollm2.jinja"), "smollm2");
  ASSERT_TRUE(chat.has_value()) << chat.error().message();
  std::istringstream rows(data_file("smollm2.jsonl"));
  int n_rows = 0;
  for (std::string line; std::getline(rows, line); ++n_rows) {
    const json::value row = parse_json(line, "row").value();
    json::object variables = row.at("options").as_object();
    variables["messages"] = row.at("messages");
    const auto text = chat->render({variables});
    if (const json::value* rendered = row.as_object().if_contains("rendered")) {
      ASSERT_TRUE(text.has_value()) << text.error().message();
      EXPECT_EQ(*text, std::string(rendered->as_string()));
    } else {
      EXPECT_FALSE(text.has_value()) << "the reference refuses: " << row.at("error").as_string();
    }
  }
  EXPECT_EQ(n_rows, 14);
}

TEST(ChatTemplate, ValuesAreNeverReadAsTemplateCode) {
  EXPECT_EQ(test::render("{{ a }}{{ a ~ a }}{{ a|upper }}", R"J({"a": "{{ 7*7 }}{% if x %}"})J"),
            "{{ 7*7 }}{% if x %}{{ 7*7 }}{% if x %}{{ 7*7 }}{% if x %}{{ 7*7 }}{% IF X %}");
}

TEST(ChatTemplate, ErrorsNameTheFileAndTheLine) {
  const auto parsed = ChatTemplate::parse("a\n{% if %}", "model.gguf");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().code, ErrorCode::kRefused);
  EXPECT_THAT(parsed.error().message(), StartsWith("model.gguf:2: "));
  EXPECT_THAT(test::render("a\n\n{{ raise_exception('No ' ~ 'tools') }}"), HasSubstr("test:3: No tools"));
}

TEST(ChatTemplate, TheTimeIsTheCallers) {
  EXPECT_EQ(test::render("{{ strftime_now('%d %b %Y, %A %H:%M') }}"), "23 Nov 2026, Monday 12:00");
  const auto parsed = ChatTemplate::parse("x", "test");
  EXPECT_FALSE(parsed->render({{}, "yesterday"}).has_value());
}

TEST(ChatTemplate, OneTemplateRendersManyTimes) {
  const auto parsed = ChatTemplate::parse("{% set n = namespace(i=0) %}{% set n.i = n.i + 1 %}{{ n.i }}", "test");
  ASSERT_TRUE(parsed.has_value());
  const json::object none;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(parsed->render({none}).value(), "1");
}

}  // namespace
}  // namespace bp
