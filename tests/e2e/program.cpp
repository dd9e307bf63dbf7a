#include "program.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

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

namespace {

std::string command_line(const std::string& name, const std::vector<std::string>& args) {
  std::string command = "XDG_CACHE_HOME=\"${XDG_CACHE_HOME:-" BP_BUILD_DIR
                        "/tests/cache}\" XDG_CONFIG_HOME=/nonexistent BACKPLANE_CONFIG= NO_COLOR=1 ";
  command += "exec " + quoted(BP_BUILD_DIR "/bin/" + name);
  for (const std::string& arg : args) command += " " + quoted(arg);
  return command;
}

Outcome outcome_of(int status, const std::string& out, const std::string& err) {
  Outcome outcome;
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = read_file(out);
  outcome.err = read_file(err);
  return outcome;
}

}  // namespace

Outcome run_interrupted(const std::vector<std::string>& args, const std::string& until) {
  const std::string out = write_temp("stdout", "");
  const std::string err = write_temp("stderr", "");
  const std::string command = command_line("backplane", args) + " </dev/null >" + quoted(out) + " 2>" + quoted(err);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  const auto wait_ms = [](int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); };
  if (until.empty()) wait_ms(300);
  for (int i = 0; i < 6000 && !until.empty() && read_file(err).find(until) == std::string::npos; ++i) wait_ms(10);
  ::kill(child, SIGINT);
  for (int i = 0; i < 6000; ++i, wait_ms(10)) {
    if (::waitpid(child, &status, WNOHANG) == child) return outcome_of(status, out, err);
  }
  ADD_FAILURE() << "does not end: " << command;
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  return outcome_of(status, out, err);
}

Outcome run_program(const std::string& name, const std::vector<std::string>& args, const std::string& input) {
  const std::string in = write_temp("stdin", input);
  const std::string out = write_temp("stdout", "");
  const std::string err = write_temp("stderr", "");
  const std::string command = command_line(name, args) + " <" + quoted(in) + " >" + quoted(out) + " 2>" + quoted(err);
  return outcome_of(std::system(command.c_str()), out, err);
}

}  // namespace bp::e2e
