// Who may include whom (docs/architecture.md): every #include of core/ and plugins/ is held against the table below,
// and the table against the DEPS of the CMake targets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Table = std::map<std::string, std::set<std::string>>;

// The architecture. A module may include itself, these, and what these may include.
const Table kAllowed = {
    {"base", {}},
    {"config", {"base"}},
    {"quant", {"base"}},
    {"graph", {"base"}},
    {"reference", {"graph", "quant", "base"}},
    {"memory", {"base"}},
    {"plugin_host", {"base"}},
    {"compile", {"graph", "memory", "plugin_host", "reference", "base"}},
    {"model", {"graph", "quant", "tokenizer", "base"}},
    {"tokenizer", {"base"}},
    {"template", {"base"}},
    {"zoo", {"base"}},
    {"kv", {"base"}},
    {"scheduler", {"kv", "base"}},
    {"engine", {"scheduler", "compile", "model", "tokenizer", "template", "base"}},
    {"perf", {"engine", "base"}},
    {"api", {"engine", "perf", "base"}},
    {"cli", {"engine", "perf", "zoo", "config", "base"}},
};

// Headers of third parties that one file alone may see.
const std::map<std::string, std::string> kWrapped = {
    {"toml++/", "core/config/toml_reader.cpp"},
    {"boost/dll", "core/plugin_host/library.cpp"},
};

std::set<std::string> reachable(const std::string& module) {
  std::set<std::string> all = {module};
  for (const std::string& dep : kAllowed.at(module)) all.merge(reachable(dep));
  return all;
}

struct Include {
  std::string file;  // relative to the root
  std::string target;
};

std::vector<Include> includes_under(const fs::path& root, const std::string& folder) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*[<"]([^">]+)[">])");
  std::vector<Include> found;
  if (!fs::exists(root / folder)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    const std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".hpp" && extension != ".cpp" && extension != ".c" && extension != ".cu")
      continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      std::smatch match;
      if (std::regex_search(line, match, kInclude)) found.push_back({fs::relative(entry.path(), root), match[1]});
    }
  }
  return found;
}

// Every forbidden include below `root`, as "file includes target: why".
std::vector<std::string> violations(const fs::path& root) {
  std::vector<std::string> bad;
  for (const auto& [file, target] : includes_under(root, "core")) {
    const std::string module = fs::path(file).lexically_relative("core").begin()->string();
    const std::string target_module = target.substr(0, target.find('/'));
    if (!kAllowed.contains(module)) {
      bad.push_back(file + ": module " + module + " is not in the architecture");
    } else if (target.find("plugins/") != std::string::npos) {
      bad.push_back(file + " includes " + target + ": core never includes plugins");
    } else if (file.starts_with("core/api/include/")) {
      // Installed: the standard library and each other.
      const bool standard = target.find_first_of("/.") == std::string::npos;
      if (!standard && target != "backplane/backplane.h" && !target.starts_with("backplane/api/"))
        bad.push_back(file + " includes " + target + ": installed headers show nothing of the core or third parties");
    } else if (target.starts_with("backplane/backplane.h") || target.starts_with("backplane/api/")) {
      if (!reachable(module).contains("api"))
        bad.push_back(file + " includes " + target + ": " + module + " may not see api");
    } else if (target.starts_with("backplane/plugin")) {
      if (!reachable(module).contains("plugin_host"))
        bad.push_back(file + " includes " + target + ": only plugin_host and above see the border");
    } else if (kAllowed.contains(target_module) && target.find('/') != std::string::npos &&
               !reachable(module).contains(target_module)) {
      bad.push_back(file + " includes " + target + ": " + module + " may not see " + target_module);
    }
    for (const auto& [header, owner] : kWrapped) {
      if (target.starts_with(header) && file != owner)
        bad.push_back(file + " includes " + target + ": only " + owner + " may");
    }
  }
  for (const auto& [file, target] : includes_under(root, "plugins")) {
    const std::string target_module = target.substr(0, target.find('/'));
    const bool own = fs::exists(root / fs::path(file).parent_path() / target) ||
                     fs::exists(root / "plugins" / *std::next(fs::path(file).begin()) / target);
    if (!own && kAllowed.contains(target_module) && target.find('/') != std::string::npos) {
      bad.push_back(file + " includes " + target + ": plugins see plugin-api only");
    }
  }
  return bad;
}

TEST(Layering, EveryIncludeIsAllowed) { EXPECT_THAT(violations(BP_SOURCE_DIR), testing::IsEmpty()); }

TEST(Layering, TargetsDependOnWhatTheArchitectureSays) {
  std::ifstream in(BP_MODULES_FILE);
  int n_modules = 0;
  for (std::string line; std::getline(in, line); ++n_modules) {
    const std::string module = line.substr(0, line.find(':'));
    ASSERT_TRUE(kAllowed.contains(module)) << module;
    std::istringstream deps(line.substr(line.find(':') + 1));
    for (std::string dep; deps >> dep;)
      EXPECT_TRUE(kAllowed.at(module).contains(dep)) << module << " depends on " << dep;
  }
  EXPECT_GT(n_modules, 5);
}

TEST(Layering, AForbiddenIncludeIsFound) {
  const fs::path root = fs::path(testing::TempDir()) / "layering";
  fs::remove_all(root);
  for (const char* folder :
       {"core/graph", "core/kv", "core/config", "core/api/include/backplane/api", "plugins/cpu/ops"})
    fs::create_directories(root / folder);
  std::ofstream(root / "core/graph/a.h") << "#include \"plugin_host/device.h\"\n#include \"base/log.h\"\n";
  std::ofstream(root / "core/kv/b.cpp") << "  #  include <backplane/plugin.h>\n";
  std::ofstream(root / "core/config/c.cpp") << "#include <toml++/toml.h>\n";
  std::ofstream(root / "core/config/d.cpp") << "#include \"../plugins/cpu/device.h\"\n";
  std::ofstream(root / "core/kv/f.cpp") << "#include <backplane/api/tensor.h>\n";
  std::ofstream(root / "core/api/include/backplane/api/g.h") << "#include <vector>\n#include <backplane/api/tensor.h>\n"
                                                                "#include <fmt/format.h>\n";
  std::ofstream(root / "core/api/include/backplane/api/h.h") << "#include \"engine/engine.h\"\n";
  std::ofstream(root / "plugins/cpu/ops/e.cpp") << "#include \"graph/graph.h\"\n#include \"ops/e.h\"\n";
  EXPECT_THAT(
      violations(root),
      testing::UnorderedElementsAre(
          testing::HasSubstr("graph may not see plugin_host"), testing::HasSubstr("only plugin_host and above"),
          testing::HasSubstr("only core/config/toml_reader.cpp"), testing::HasSubstr("core never includes plugins"),
          testing::HasSubstr("kv may not see api"), testing::HasSubstr("g.h includes fmt/format.h: installed"),
          testing::HasSubstr("h.h includes engine/engine.h: installed"),
          testing::HasSubstr("plugins see plugin-api only")));
  fs::remove_all(root);
}

}  // namespace
