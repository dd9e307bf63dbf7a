#include "program.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace bp::e2e {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

json::value Outcome::document() const {
  auto value = parse_json(out, "standard output");
  EXPECT_TRUE(value.has_value()) << out << err;
  return value.has_value() ? *value : json::value();
}

std::string write_temp(const std::string& name, const std::string& content) {
  const std::string folder = testing::TempDir() + "/backplane_e2e_" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

Outcome run(const std::vector<std::string>& args, const std::string& input) {
  return run_program("backplane", args, input);
}

Outcome run_program(const std::string& name, const std::vector<std::string>& args, const std::string& input) {
  const std::string in = write_temp("stdin", input);
  const std::string out = write_temp("stdout", "");
  const std::string err = write_temp("stderr", "");
  std::string command = "XDG_CACHE_HOME=\"${XDG_CACHE_HOME:-" BP_BUILD_DIR
                        "/tests/cache}\" XDG_CONFIG_HOME=/nonexistent BACKPLANE_CONFIG= NO_COLOR=1 " +
                        quoted(BP_BUILD_DIR "/bin/" + name);
  for (const std::string& arg : args) command += " " + quoted(arg);
  command += " <" + quoted(in) + " >" + quoted(out) + " 2>" + quoted(err);
  const int status = std::system(command.c_str());
  Outcome outcome;
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = read_file(out);
  outcome.err = read_file(err);
  return outcome;
}

WithoutLeakCheck::WithoutLeakCheck() { ::setenv("ASAN_OPTIONS", "detect_leaks=0", 1); }
WithoutLeakCheck::~WithoutLeakCheck() { ::unsetenv("ASAN_OPTIONS"); }

}  // namespace bp::e2e
