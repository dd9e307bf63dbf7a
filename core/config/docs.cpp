#include <fmt/format.h>

#include "config/option_value.h"
#include "config/options.h"
#include "config/show.h"

namespace bp {
namespace {

constexpr std::string_view kIntro = R"(# backplane.toml

This page is made from the table of options by `backplane config docs`; a test fails when it is stale.

The file is the first of: `--config FILE`, `$BACKPLANE_CONFIG`, `./backplane.toml`,
`$XDG_CONFIG_HOME/backplane/backplane.toml` (`~/.config` where that is unset). A flag goes before an environment variable,
that before the file, that before the default. `backplane config show` prints each value with where it came from,
`backplane config check` every problem at once with line and column.

Relative paths in the file start at its folder, and `~/` is the home folder. A size is a number of bytes or text as
`"512MiB"` or `"4GB"`; a duration is text as `"250ms"`, `"5s"`, `"2m"` or `"1h"`.
)";

constexpr std::string_view kPlugins = R"(
## [plugin.NAME]

The options of a plugin are its own: `backplane config show` lists those of the plugins found, with their defaults.

```toml
[plugin.cpu]
threads = 4
```
)";

std::string section_of(const OptionSpec& spec) { return spec.key.substr(0, spec.key.find('.')); }
std::string name_of(const OptionSpec& spec) { return spec.key.substr(spec.key.find('.') + 1); }

std::string allowed(const OptionSpec& spec) {
  std::string text(option_type_name(spec.type));
  if (spec.power_of_two) text += ", power of two";
  if (!spec.choices.empty()) text += fmt::format(": {}", fmt::join(spec.choices, ", "));
  if (const std::string range = option_range(spec); !range.empty()) text += ", " + range;
  return text;
}

std::string row(const OptionSpec& spec) {
  const std::string env = spec.env.empty() ? "" : fmt::format(" Environment: `${}`.", spec.env);
  return fmt::format("| `{}` | {} | `{}` | {}{} |\n", name_of(spec), allowed(spec), spec.default_value, spec.doc, env);
}

std::string table(const ConfigSection& section) {
  std::string text = fmt::format("\n## [{}]\n\n{}\n\n| key | type | default | what it does |\n|---|---|---|---|\n",
                                 section.name, section.doc);
  for (const ConfigOption& option : config_options()) {
    if (section_of(option.spec) == section.name) text += row(option.spec);
  }
  return text;
}

}  // namespace

std::string config_example() {
  std::string text;
  for (const ConfigSection& section : config_sections()) {
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section.name);
    for (const ConfigOption& option : config_options()) {
      if (section_of(option.spec) != section.name) continue;
      text += fmt::format("{} = {}\n", name_of(option.spec), option.spec.default_value);
    }
  }
  return text;
}

std::string config_docs() {
  std::string text(kIntro);
  for (const ConfigSection& section : config_sections()) text += table(section);
  text += kPlugins;
  text += "\n## Example\n\nEvery key with its default; a file needs only what differs.\n\n```toml\n";
  return text + config_example() + "```\n";
}

}  // namespace bp
