// Runs the built program and collects what it says.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace bp::e2e {

struct Outcome {
  int exit_code = -1;  // 128 + n: ended by signal n
  std::string out, err;

  // Standard output as one JSON document; null and a test failure where it is none.
  json::value document() const;
};

// A program of the build's bin folder.
Outcome run_program(const std::string& name, const std::vector<std::string>& args, const std::string& input = "");
// `backplane ARGS…` with `input` on standard input. The environment is this process's, without HOME's configuration.
Outcome run(const std::vector<std::string>& args, const std::string& input = "");

// The same, with SIGINT sent to the program alone once it has written `until` to standard error; empty: after a third
// of a second.
Outcome run_interrupted(const std::vector<std::string>& args, const std::string& until = "");

// A file's bytes; none where it cannot be read.
std::string read_file(const std::string& path);

// A file in the test's temporary folder with this content; its path.
std::string write_temp(const std::string& name, const std::string& content);

}  // namespace bp::e2e
