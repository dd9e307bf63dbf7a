#include "base/json.h"

#include <gtest/gtest.h>

namespace bp {
namespace {

TEST(Json, WritesNumbersAsPythonDoes) {
  EXPECT_EQ(write_json_double(1.0), "1.0");
  EXPECT_EQ(write_json_double(0.1), "0.1");
  EXPECT_EQ(write_json_double(-2.5e-7), "-2.5e-07");
  EXPECT_EQ(write_json_double(1e16), "1e+16");
  EXPECT_EQ(write_json_double(123456789012345680.0), "1.2345678901234568e+17");
}

TEST(Json, KeepsOrderAndEscapes) {
  const auto value = parse_json(R"({"z": [1, -2, 3.5], "a": "\u00e9\n\"", "e": {}})", "test");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(write_json(*value), "{\"z\": [1, -2, 3.5], \"a\": \"é\\n\\\"\", \"e\": {}}");
  EXPECT_EQ(write_json(*value, {.ensure_ascii = true, .sort_keys = true}),
            "{\"a\": \"\\u00e9\\n\\\"\", \"e\": {}, \"z\": [1, -2, 3.5]}");
}

TEST(Json, IndentsAsPythonDoes) {
  const auto value = parse_json(R"({"a":[1,{}],"b":[]})", "test");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(write_json(*value, {.indent = 2, .item_separator = ","}),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
}

TEST(Json, RefusesBadInputByByte) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1} x", "nul", "\"\xff\""}) {
    const auto value = parse_json(text, "file.json");
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_EQ(value.error().code, ErrorCode::kRefused);
    EXPECT_TRUE(value.error().message().starts_with("file.json: not valid JSON (")) << value.error().message();
  }
}

TEST(Json, RefusesDeepNesting) { EXPECT_FALSE(parse_json(std::string(100000, '['), "deep").has_value()); }

}  // namespace
}  // namespace bp
