#include <cstdlib>
#include <filesystem>

#include "config/load.h"

namespace bp {
namespace {

namespace fs = std::filesystem;

std::string variable(const LoadInputs& inputs, const std::string& name) {
  return inputs.environment ? inputs.environment(name).value_or("") : "";
}

// The XDG specification has relative folders ignored.
std::string config_home(const LoadInputs& inputs) {
  const std::string xdg = variable(inputs, "XDG_CONFIG_HOME");
  if (xdg.starts_with('/')) return xdg;
  const std::string home = variable(inputs, "HOME");
  return home.empty() ? "" : home + "/.config";
}

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

std::string find_config_file(const LoadInputs& inputs) {
  if (inputs.file && !inputs.file->empty()) return *inputs.file;
  if (std::string named = variable(inputs, "BACKPLANE_CONFIG"); !named.empty()) return named;
  if (exists("backplane.toml")) return "backplane.toml";
  const std::string home = config_home(inputs);
  const std::string in_home = home + "/backplane/backplane.toml";
  return !home.empty() && exists(in_home) ? in_home : "";
}

}  // namespace bp
