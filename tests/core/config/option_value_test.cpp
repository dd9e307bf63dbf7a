#include "config/option_value.h"

#include <gtest/gtest.h>

#include <limits>

#include "config/units.h"

namespace bp {
namespace {

OptionSpec spec_of(OptionType type, std::string min = "", std::string max = "") {
  return {.key = "k", .type = type, .min = std::move(min), .max = std::move(max)};
}

OptionValue text_value(const OptionSpec& spec, const std::string& text) {
  auto value = check_literal(spec, literal_of_text(spec, {&text, 1}));
  EXPECT_TRUE(value) << text << (value ? "" : value.error().what);
  return value ? *value : OptionValue();
}

std::string refusal(const OptionSpec& spec, const Literal& literal) {
  const auto value = check_literal(spec, literal);
  return value ? "accepted" : "k " + value.error().what + "; " + value.error().fix;
}

TEST(Units, SizesReadInBothBases) {
  EXPECT_EQ(parse_size("0"), 0);
  EXPECT_EQ(parse_size("4096"), 4096);
  EXPECT_EQ(parse_size("512MiB"), int64_t{512} << 20);
  EXPECT_EQ(parse_size("4 GB"), 4'000'000'000);
  EXPECT_EQ(parse_size("8388607TiB"), int64_t{8388607} << 40);
  for (const char* wrong : {"", "MiB", "-1", "-1MiB", "1.5GB", "4mb", "4 GB ", "8388608TiB", "99999999999999999999"}) {
    EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
  }
}

TEST(Units, DurationsNeedAUnit) {
  EXPECT_EQ(parse_duration_ms("0"), 0);
  EXPECT_EQ(parse_duration_ms("250ms"), 250);
  EXPECT_EQ(parse_duration_ms("2m"), 120'000);
  EXPECT_EQ(parse_duration_ms("1h"), 3'600'000);
  for (const char* wrong : {"", "5", "5 sec", "-5s", "9223372036854775807h"})
    EXPECT_EQ(parse_duration_ms(wrong), std::nullopt) << wrong;
}

TEST(Units, WrittenInTheLargestWholeUnit) {
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(format_size(int64_t{3} << 30), "3GiB");
  EXPECT_EQ(format_size(1000), "1000");
  EXPECT_EQ(format_duration_ms(5000), "5s");
  EXPECT_EQ(format_duration_ms(1500), "1500ms");
}

TEST(OptionValue, NumbersOutsideTheirRangeAreRefused) {
  const OptionSpec spec = spec_of(OptionType::kInt, "1", "4096");
  EXPECT_EQ(refusal(spec, {int64_t{0}}), "k = 0 is out of range; write a whole number, 1 to 4096");
  EXPECT_EQ(refusal(spec, {int64_t{4097}}), "k = 4097 is out of range; write a whole number, 1 to 4096");
  EXPECT_EQ(refusal(spec, {int64_t{4096}}), "accepted");
  const OptionSpec fraction = spec_of(OptionType::kFloat, "0.0", "1.0");
  EXPECT_EQ(refusal(fraction, {int64_t{1}}), "accepted");
  EXPECT_EQ(refusal(fraction, {1.5}), "k = 1.5 is out of range; write a number, 0.0 to 1.0");
  EXPECT_NE(refusal(fraction, {std::numeric_limits<double>::quiet_NaN()}), "accepted");
  EXPECT_NE(refusal(spec_of(OptionType::kFloat), {std::numeric_limits<double>::infinity()}), "accepted");
}

TEST(OptionValue, PowersOfTwoAreChecked) {
  OptionSpec spec = spec_of(OptionType::kInt, "1", "256");
  spec.power_of_two = true;
  EXPECT_EQ(refusal(spec, {int64_t{24}}), "k = 24 is not a power of two; write a power of two, 1 to 256");
  EXPECT_EQ(refusal(spec, {int64_t{64}}), "accepted");
}

TEST(OptionValue, WrongTypesAreNamed) {
  EXPECT_EQ(refusal(spec_of(OptionType::kInt), {std::string("16")}),
            "k = \"16\" is a string, not an integer; write a whole number");
  EXPECT_EQ(refusal(spec_of(OptionType::kInt), {16.0}),
            "k = 16.0 is a number with a fraction, not an integer; write a whole number");
  EXPECT_EQ(refusal(spec_of(OptionType::kBool), {int64_t{1}}),
            "k = 1 is an integer, not a boolean; write true or false");
  EXPECT_EQ(refusal(spec_of(OptionType::kString), {OtherLiteral{"a date"}}),
            "k = a date is a date, not a string; write a string in quotes");
  EXPECT_EQ(refusal(spec_of(OptionType::kStringList), {std::string("a")}),
            "k = \"a\" is a string, not a list of strings; write a list of strings, as [\"a\", \"b\"]");
  EXPECT_EQ(refusal(spec_of(OptionType::kDuration), {int64_t{5}}),
            "k = 5 has no unit; write a duration as \"500ms\" or \"5s\"");
}

TEST(OptionValue, ItemsOfListsAreChecked) {
  const Literal mixed{std::vector<Literal>{{int64_t{8}}, {int64_t{0}}}};
  EXPECT_EQ(refusal(spec_of(OptionType::kIntList, "1"), mixed),
            "k has an item that = 0 is out of range; write a list of whole numbers, at least 1");
  OptionSpec choices = spec_of(OptionType::kStringList);
  choices.choices = {"hub", "wheel"};
  choices.min_items = 1;
  EXPECT_NE(refusal(choices, {std::vector<Literal>{{std::string("ftp")}}}), "accepted");
  EXPECT_EQ(refusal(choices, {std::vector<Literal>{}}), "k = [] is empty; write a list of hub, wheel");
}

TEST(OptionValue, TextReadsAsTheTypeOfTheOption) {
  EXPECT_EQ(text_value(spec_of(OptionType::kBool), "1"), OptionValue(true));
  EXPECT_EQ(text_value(spec_of(OptionType::kInt), "-7"), OptionValue(int64_t{-7}));
  EXPECT_EQ(text_value(spec_of(OptionType::kFloat), "0.25"), OptionValue(0.25));
  EXPECT_EQ(text_value(spec_of(OptionType::kString), "7"), OptionValue(std::string("7")));
  EXPECT_EQ(text_value(spec_of(OptionType::kStringList), "a,b"), OptionValue(std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(text_value(spec_of(OptionType::kIntList), "1,2"), OptionValue(std::vector<int64_t>{1, 2}));
  EXPECT_EQ(text_value(spec_of(OptionType::kSize), "4096"), OptionValue(int64_t{4096}));
  EXPECT_EQ(text_value(spec_of(OptionType::kSize), "1GiB"), OptionValue(int64_t{1} << 30));
}

TEST(OptionValue, WrittenValuesReadBack) {
  EXPECT_EQ(format_option(OptionType::kStringList, std::vector<std::string>{"a\"b", "c"}), R"(["a\"b", "c"])");
  EXPECT_EQ(plain_option(OptionType::kStringList, std::vector<std::string>{"a", "c"}), "a,c");
  EXPECT_EQ(format_option(OptionType::kDuration, int64_t{5000}), "\"5s\"");
  EXPECT_EQ(format_option(OptionType::kFloat, 1.0), "1.0");
  EXPECT_EQ(format_option(OptionType::kSize, int64_t{0}), "0");
  EXPECT_EQ(format_option(OptionType::kIntList, std::vector<int64_t>{}), "[]");
}

TEST(OptionValue, LongValuesAreShownInPart) { EXPECT_LT(shown_literal({std::string(100'000, 'x')}).size(), 100u); }

}  // namespace
}  // namespace bp
