#include "config/show.h"

#include <fmt/format.h>

#include <algorithm>

namespace bp {
namespace {

std::string_view source_name(SettingSource source) {
  switch (source) {
    case SettingSource::kDefault:
      return "default";
    case SettingSource::kFile:
      return "file";
    case SettingSource::kEnvironment:
      return "environment";
    case SettingSource::kFlag:
      return "flag";
  }
  return {};
}

// Strings, numbers, booleans and lists of them are written alike in TOML and JSON; what an unchecked plugin option may
// hold besides stays text.
json::value typed(const Setting& setting) {
  auto value = parse_json(setting.value, setting.key);
  return value ? *std::move(value) : json::value(setting.value);
}

std::vector<const Setting*> all_settings(const Config& config) {
  std::vector<const Setting*> all;
  for (const Setting& setting : config.settings) all.push_back(&setting);
  for (const PluginSetting& plugin : config.plugin_settings) all.push_back(&plugin.setting);
  return all;
}

}  // namespace

json::value config_to_json(const Config& config) {
  json::array settings;
  for (const Setting* setting : all_settings(config)) {
    settings.push_back(json::object{{"key", setting->key},
                                    {"value", typed(*setting)},
                                    {"source", source_name(setting->source)},
                                    {"where", setting->where}});
  }
  const json::value file = config.file.empty() ? json::value(nullptr) : json::value(config.file);
  return json::object{{"file", file}, {"settings", std::move(settings)}};
}

std::string config_to_text(const Config& config) {
  const std::vector<const Setting*> all = all_settings(config);
  size_t width = 0;
  for (const Setting* setting : all) width = std::max(width, setting->key.size() + setting->value.size() + 3);
  width = std::min<size_t>(width, 60);
  std::string text = fmt::format("# file: {}\n", config.file.empty() ? "none" : config.file);
  for (const Setting* setting : all) {
    text += fmt::format("{:<{}}  # {}\n", fmt::format("{} = {}", setting->key, setting->value), width, setting->where);
  }
  return text;
}

json::value problems_to_json(std::span<const ConfigProblem> problems) {
  json::array list;
  for (const ConfigProblem& problem : problems) {
    list.push_back(json::object{{"file", problem.file},
                                {"line", problem.line},
                                {"column", problem.column},
                                {"key", problem.key},
                                {"what", problem.what},
                                {"fix", problem.fix}});
  }
  return json::object{{"problems", std::move(list)}};
}

}  // namespace bp
