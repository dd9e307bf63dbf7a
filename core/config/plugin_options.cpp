#include "config/plugin_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/nearest.h"
#include "config/option_value.h"

namespace bp {
namespace {

struct KeyParts {
  std::string_view plugin, option;
};

// REQUIRES: "plugin.NAME.KEY".
KeyParts parts_of(std::string_view key) {
  key.remove_prefix(std::string_view("plugin.").size());
  const size_t dot = key.find('.');
  return {key.substr(0, dot), key.substr(dot + 1)};
}

std::string key_of(const PluginOptionTable& table, const OptionSpec& spec) {
  return fmt::format("plugin.{}.{}", table.plugin, spec.key);
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(at, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

ConfigProblem problem_at(const PluginSetting& given, std::string what, std::string fix) {
  return {given.file, given.line, given.column, given.setting.key, std::move(what), std::move(fix)};
}

void check_value(const OptionSpec& spec, PluginSetting& given, PluginCheck& check) {
  const Literal literal = given.text ? literal_of_text(spec, {&given.setting.plain, 1}) : given.literal;
  const auto value = check_literal(spec, literal);
  if (!value) {
    check.problems.push_back(problem_at(given, value.error().what, value.error().fix));
    return;
  }
  given.setting.value = format_option(spec.type, *value);
  given.setting.plain = plain_option(spec.type, *value);
}

void check_setting(std::span<const PluginOptionTable> tables, PluginSetting& given, PluginCheck& check) {
  const auto [plugin, option] = parts_of(given.setting.key);
  const auto table =
      std::ranges::find(tables, plugin, [](const PluginOptionTable& t) { return std::string_view(t.plugin); });
  if (table == tables.end()) {
    std::vector<std::string> names;
    for (const PluginOptionTable& known : tables) names.push_back(known.plugin);
    check.warnings.push_back(problem_at(
        given, fmt::format("is not used: no plugin \"{}\" with options was loaded", plugin),
        fmt::format("loaded with options: {}", names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")))));
    return;
  }
  const auto spec =
      std::ranges::find(table->options, option, [](const OptionSpec& s) { return std::string_view(s.key); });
  if (spec != table->options.end()) return check_value(*spec, given, check);
  std::vector<std::string> keys;
  for (const OptionSpec& known : table->options) keys.push_back(key_of(*table, known));
  const auto near = nearest_key(given.setting.key, keys);
  check.problems.push_back(problem_at(
      given, fmt::format("is no option of plugin \"{}\"", plugin),
      near ? fmt::format("did you mean {}?", *near) : fmt::format("its options are {}", fmt::join(keys, ", "))));
}

void add_default(const PluginOptionTable& table, const OptionSpec& spec, Config& config) {
  const std::string key = key_of(table, spec);
  const auto same = [&](const PluginSetting& given) { return given.setting.key == key; };
  if (std::ranges::any_of(config.plugin_settings, same)) return;
  // What a plugin says of itself may not fit its own range: it is shown, never handed back.
  const Literal literal = literal_of_text(spec, {&spec.default_value, 1});
  const auto value = check_literal(spec, literal);
  PluginSetting setting;
  setting.setting = {key, value ? format_option(spec.type, *value) : format_literal(literal), spec.default_value,
                     SettingSource::kDefault, "default"};
  config.plugin_settings.push_back(std::move(setting));
}

}  // namespace

OptionSpec plugin_option_spec(const PluginOptionText& text) {
  constexpr std::pair<std::string_view, OptionType> kTypes[] = {{"bool", OptionType::kBool},
                                                                {"int", OptionType::kInt},
                                                                {"float", OptionType::kFloat},
                                                                {"size", OptionType::kSize},
                                                                {"duration", OptionType::kDuration}};
  OptionSpec spec{
      .key = text.key, .default_value = text.default_value, .min = text.min, .max = text.max, .doc = text.doc};
  for (const auto& [name, type] : kTypes) {
    if (name == text.type) spec.type = type;
  }
  if (text.type.find('|') != std::string::npos) {
    spec.type = OptionType::kEnum;
    spec.choices = split(text.type, '|');
  }
  return spec;
}

std::optional<std::string> plugin_option(const Config& config, std::string_view plugin, std::string_view key) {
  const std::string full = fmt::format("plugin.{}.{}", plugin, key);
  for (const PluginSetting& given : config.plugin_settings) {
    if (given.setting.key == full && given.setting.source != SettingSource::kDefault) return given.setting.plain;
  }
  return std::nullopt;
}

PluginCheck check_plugin_options(Config& config, std::span<const PluginOptionTable> tables) {
  PluginCheck check;
  for (PluginSetting& given : config.plugin_settings) {
    if (given.setting.source != SettingSource::kDefault) check_setting(tables, given, check);
  }
  for (const PluginOptionTable& table : tables) {
    for (const OptionSpec& spec : table.options) add_default(table, spec, config);
  }
  return check;
}

}  // namespace bp
