// backplane new-plugin NAME
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/plugin_template.h"

namespace bp::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxName = 12;  // its devices are NAME:0, and device_class has 16 bytes

struct NewPluginFlags {
  std::string name, folder = ".";
};

Status check_name(const std::string& name) {
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto fits = [&](char c) { return is_lower(c) || (c >= '0' && c <= '9') || c == '_'; };
  const bool taken = name == "cpu" || name == "reference" || name == "auto";
  if (!name.empty() && name.size() <= kMaxName && is_lower(name[0]) && std::ranges::all_of(name, fits) && !taken)
    return {};
  return fail(ErrorCode::kUsage, "new-plugin",
              taken ? fmt::format("the name \"{}\" is taken", name) : fmt::format("\"{}\" is no plugin's name", name),
              fmt::format("use up to {} of a-z, 0-9 and _, a letter first", kMaxName));
}

// The template's files say "mychip" wherever a port's name belongs, and "My chip" for people.
std::string named(std::string_view text, const std::string& name) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const bool own = text.substr(at).starts_with("mychip") || text.substr(at).starts_with("My chip");
    if (!own) {
      out += text[at++];
      continue;
    }
    out += name;
    at += text[at] == 'M' ? 7 : 6;
  }
  return out;
}

Status write_file(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (out) return {};
  return fail(ErrorCode::kFailed, path.string(), "cannot be written", "check the folder's permissions and the disk");
}

// Where this program's SDK is, in words that a shell takes.
std::string sdk_prefix() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path prefix = program.parent_path().parent_path();
  const bool installed =
      !error && fs::exists(prefix / BACKPLANE_PACKAGE_DIR / "BackplanePluginConfig.cmake", error) && !error;
  return installed ? prefix.string() : "PATH_OF_THE_SDK";
}

// A path as a word of a shell.
std::string quoted(const std::string& path) {
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || std::strchr("/._-+=:@%,", c) != nullptr; };
  if (std::ranges::all_of(path, is_plain)) return path;
  std::string out = "'";
  for (const char c : path) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Status new_plugin(const GlobalOptions& global, const NewPluginFlags& flags) {
  BP_TRY_VOID(check_name(flags.name));
  const fs::path folder = fs::path(flags.folder) / flags.name;
  std::error_code error;
  fs::create_directories(flags.folder, error);
  if (error || !fs::is_directory(flags.folder)) {
    return fail(ErrorCode::kFailed, flags.folder, "is no folder, and cannot be made one", "name another with --dir");
  }
  if (!fs::create_directory(folder, error)) {
    const bool exists = fs::exists(folder);
    return fail(ErrorCode::kFailed, folder.string(), exists ? "exists already" : error.message(),
                exists ? "choose another name, or remove it" : "name another folder with --dir");
  }
  json::array files, next;
  for (const TemplateFile& file : kPluginTemplate) {
    if (auto written = write_file(folder / file.name, named(file.text, flags.name)); !written) {
      fs::remove_all(folder, error);
      return written;
    }
    files.push_back(json::value(std::string(file.name)));
  }
  const std::string prefix = sdk_prefix();
  const std::string build = (folder / "build").string();
  const auto program = [&](const char* name) { return quoted(prefix + "/bin/" + name); };
  const std::string commands[] = {
      fmt::format("cmake -S {} -B {} -DCMAKE_PREFIX_PATH={}", quoted(folder.string()), quoted(build), quoted(prefix)),
      "cmake --build " + quoted(build),
      fmt::format("{} devices --plugin-dir {}", program("backplane"), quoted(build)),
      fmt::format("{} {}", program("backplane-conform"), quoted(build + "/" + flags.name + ".so")),
  };
  std::string text = fmt::format("{} has a port to start from, a device in host memory. Next:\n", folder.string());
  for (const std::string& command : commands) {
    next.push_back(json::value(command));
    text += "  " + command + "\n";
  }
  if (global.json) return print_json(json::object{{"path", folder.string()}, {"files", files}, {"next", next}});
  return print(text);
}

}  // namespace

void add_new_plugin(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<NewPluginFlags>();
  CLI::App* command = add_command(app, invocation, "new-plugin", "Write a port to start from: a device that runs",
                                  "backplane new-plugin mychip --dir ports");
  command->add_option("name", flags->name, "The plugin's name, and its folder's: [a-z][a-z0-9_]*")
      ->required()
      ->type_name("NAME");
  command->add_option("--dir", flags->folder, "Where to make the folder (default: here)")->type_name("DIR");
  command->callback([flags, &invocation] {
    invocation.work = [flags](const GlobalOptions& global) { return new_plugin(global, *flags); };
  });
}

}  // namespace bp::cli
