#include "config/options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "config/option_value.h"
#include "config/toml_reader.h"

namespace bp {
namespace {

TEST(Options, KeysAreUniqueDocumentedAndOfAKnownSection) {
  std::set<std::string> keys;
  for (const ConfigOption& option : config_options()) {
    const OptionSpec& spec = option.spec;
    EXPECT_TRUE(keys.insert(spec.key).second) << spec.key;
    EXPECT_FALSE(spec.doc.empty()) << spec.key;
    const std::string section = spec.key.substr(0, spec.key.find('.'));
    EXPECT_TRUE(std::ranges::any_of(config_sections(), [&](const ConfigSection& s) { return s.name == section; }))
        << spec.key;
    EXPECT_EQ(find_config_option(spec.key), &option);
  }
}

TEST(Options, TypesFitTheirTargets) {
  for (const ConfigOption& option : config_options()) {
    Config config;
    const OptionTarget target = option.target(config);
    bool fits = false;
    switch (option.spec.type) {
      case OptionType::kBool:
        fits = std::holds_alternative<bool*>(target);
        break;
      case OptionType::kInt:
      case OptionType::kSize:
      case OptionType::kDuration:
        fits = std::holds_alternative<int64_t*>(target);
        break;
      case OptionType::kFloat:
        fits = std::holds_alternative<double*>(target);
        break;
      case OptionType::kString:
      case OptionType::kEnum:
        fits = std::holds_alternative<std::string*>(target);
        break;
      case OptionType::kStringList:
        fits = std::holds_alternative<std::vector<std::string>*>(target);
        break;
      case OptionType::kIntList:
        fits = std::holds_alternative<std::vector<int64_t>*>(target);
        break;
    }
    EXPECT_TRUE(fits) << option.spec.key;
  }
}

TEST(Options, DefaultsKeepTheirOwnRange) {
  for (const ConfigOption& option : config_options()) {
    const auto entries = read_toml("v = " + option.spec.default_value, "default");
    ASSERT_TRUE(entries) << option.spec.key;
    const auto value = check_literal(option.spec, entries->front().literal);
    EXPECT_TRUE(value) << option.spec.key << (value ? "" : value.error().what);
  }
}

TEST(Options, NoTwoKeysShareATarget) {
  Config config;
  std::set<const void*> targets;
  for (const ConfigOption& option : config_options()) {
    const void* target = std::visit([](auto* p) -> const void* { return p; }, option.target(config));
    EXPECT_TRUE(targets.insert(target).second) << option.spec.key;
  }
}

}  // namespace
}  // namespace bp
