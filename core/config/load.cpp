#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/mapped_file.h"
#include "config/nearest.h"
#include "config/option_value.h"
#include "config/options.h"
#include "config/toml_reader.h"

namespace bp {
namespace {

// A file of a megabyte can hold a hundred thousand wrong keys, and finding what was meant is slow.
constexpr size_t kMaxProblems = 50;
constexpr std::string_view kPluginPrefix = "plugin.";

// Where a value was said.
struct Place {
  SettingSource source;
  std::string file;  // or "$NAME", "command line"
  uint32_t line = 0, column = 0;

  std::string text() const { return ConfigProblem{.file = file, .line = line, .column = column}.where(); }
};

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  for (const ConfigOption& option : config_options()) keys.push_back(option.spec.key);
  for (const ConfigSection& section : config_sections()) keys.push_back(section.name);
  keys.emplace_back("plugin");
  return keys;
}

bool is_section(std::string_view key) {
  if (key == "plugin") return true;
  return std::ranges::any_of(config_sections(), [&](const ConfigSection& section) { return section.name == key; });
}

bool is_empty_table(const Literal& literal) {
  const auto* other = std::get_if<OtherLiteral>(&literal.value);
  return other != nullptr && other->kind == "a table";
}

// "plugin.NAME.KEY" and no less.
bool is_plugin_key(std::string_view key) {
  if (!key.starts_with(kPluginPrefix)) return false;
  const size_t dot = key.find('.', kPluginPrefix.size());
  return dot != std::string_view::npos && dot > kPluginPrefix.size() && dot + 1 < key.size();
}

bool is_plugin_section(std::string_view key) {
  return key.starts_with(kPluginPrefix) && key.size() > kPluginPrefix.size() && !is_plugin_key(key);
}

class Loader {
 public:
  explicit Loader(const LoadInputs& inputs) : inputs_(inputs) {
    for (const ConfigOption& option : config_options()) {
      const std::string& text = option.spec.default_value;
      Setting setting{.key = option.spec.key, .value = text, .plain = {}, .where = "default"};
      config_.settings.push_back(std::move(setting));
    }
  }

  void take_file(std::string_view text, const std::string& file) {
    config_.file = file;
    auto entries = read_toml(text, file);
    if (!entries) {
      add(std::move(entries.error()));
      return;
    }
    for (const TomlEntry& entry : *entries) {
      take(entry.key, entry.literal, {SettingSource::kFile, file, entry.line, entry.column});
    }
  }

  void take_environment() {
    for (const ConfigOption& option : config_options()) {
      if (option.spec.env.empty() || !inputs_.environment) continue;
      const std::optional<std::string> text = inputs_.environment(option.spec.env);
      if (!text || text->empty()) continue;
      take_option(option, literal_of_text(option.spec, {&*text, 1}),
                  {SettingSource::kEnvironment, "$" + option.spec.env});
    }
  }

  void take_flags() {
    for (const auto& [key, texts] : inputs_.flags) {
      if (texts.empty()) continue;
      const ConfigOption* option = find_config_option(key);
      const Literal literal = option == nullptr ? Literal{texts.back()} : literal_of_text(option->spec, texts);
      take(key, literal, {SettingSource::kFlag, "command line"});
    }
  }

  void add(ConfigProblem problem) {
    ++n_problems_;
    if (problems_.size() < kMaxProblems) problems_.push_back(std::move(problem));
  }

  std::expected<Config, std::vector<ConfigProblem>> finish() {
    if (n_problems_ > problems_.size()) {
      problems_.push_back(
          {.file = config_.file, .what = fmt::format("and {} more problems", n_problems_ - problems_.size())});
    }
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    return std::move(config_);
  }

 private:
  void take(const std::string& key, const Literal& literal, const Place& place) {
    if (const ConfigOption* option = find_config_option(key)) return take_option(*option, literal, place);
    if (is_plugin_key(key)) return take_plugin(key, literal, place);
    if (is_empty_table(literal) && (is_section(key) || is_plugin_section(key))) return;
    unknown(key, place);
  }

  void take_option(const ConfigOption& option, const Literal& literal, const Place& place) {
    auto value = check_literal(option.spec, literal);
    if (!value) {
      return add({place.file, place.line, place.column, option.spec.key, value.error().what, value.error().fix});
    }
    if (option.spec.path) resolve_paths(*value, place);
    std::visit([&](auto* target) { *target = std::get<std::remove_pointer_t<decltype(target)>>(*value); },
               option.target(config_));
    Setting& setting = config_.settings[static_cast<size_t>(&option - config_options().data())];
    setting.value = format_option(option.spec.type, *value);
    setting.source = place.source;
    setting.where = place.text();
  }

  void take_plugin(const std::string& key, const Literal& literal, const Place& place) {
    std::erase_if(config_.plugin_settings, [&](const PluginSetting& other) { return other.setting.key == key; });
    Setting setting{key, format_literal(literal), plain_literal(literal), place.source, place.text()};
    const bool text = place.source == SettingSource::kFlag;
    config_.plugin_settings.push_back({std::move(setting), literal, text, place.file, place.line, place.column});
  }

  void unknown(const std::string& key, const Place& place) {
    ConfigProblem problem{place.file, place.line,        place.column,
                          key,        "is no known key", "`backplane config docs` lists the keys"};
    const size_t dot = key.rfind('.');
    if (is_section(key) || is_plugin_section(key)) {
      problem.what = "is a section, not a value";
      problem.fix = fmt::format("write [{}] and the keys below it", key);
    } else if (dot != std::string::npos && find_config_option(std::string_view(key).substr(0, dot)) != nullptr) {
      problem.what = fmt::format("is no key: {} is a value, not a section", std::string_view(key).substr(0, dot));
    } else if (problems_.size() < kMaxProblems) {
      static const std::vector<std::string> known = known_keys();
      if (const auto near = nearest_key(key, known)) problem.fix = fmt::format("did you mean {}?", *near);
    }
    if (problem.key.size() > 80) problem.key.resize(80);
    add(std::move(problem));
  }

  void resolve_paths(OptionValue& value, const Place& place) const {
    if (auto* path = std::get_if<std::string>(&value)) *path = resolved(*path, place);
    if (auto* paths = std::get_if<std::vector<std::string>>(&value)) {
      for (std::string& path : *paths) path = resolved(path, place);
    }
  }

  std::string resolved(const std::string& path, const Place& place) const {
    if (path.starts_with("~/") && inputs_.environment) {
      if (const auto home = inputs_.environment("HOME"); home && !home->empty()) return *home + path.substr(1);
    }
    if (path.empty() || path.starts_with('/') || place.source != SettingSource::kFile) return path;
    const std::filesystem::path folder = std::filesystem::path(place.file).parent_path();
    return folder.empty() ? path : (folder / path).lexically_normal().string();
  }

  const LoadInputs& inputs_;
  Config config_;
  std::vector<ConfigProblem> problems_;
  size_t n_problems_ = 0;
};

}  // namespace

std::expected<Config, std::vector<ConfigProblem>> load_config_text(std::string_view text, const std::string& file,
                                                                   const LoadInputs& inputs) {
  Loader loader(inputs);
  loader.take_file(text, file);
  loader.take_environment();
  loader.take_flags();
  return loader.finish();
}

std::expected<Config, std::vector<ConfigProblem>> load_config(const LoadInputs& inputs) {
  Loader loader(inputs);
  if (const std::string file = find_config_file(inputs); !file.empty()) {
    if (auto text = read_text_file(file, kMaxConfigBytes)) {
      loader.take_file(*text, file);
    } else {
      loader.add({.file = file, .what = text.error().what, .fix = text.error().fix});
    }
  }
  loader.take_environment();
  loader.take_flags();
  return loader.finish();
}

}  // namespace bp
