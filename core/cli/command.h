// What every subcommand is: its flags added to the parser, and the work done when it was named.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace bp::cli {

// Flags that every subcommand takes.
struct GlobalOptions {
  std::string config;
  std::vector<std::string> devices;
  std::vector<std::string> plugin_dirs;
  std::string log_level;
  std::vector<std::string> settings;  // "kv.page_size=32"
  bool json = false;
  bool no_progress = false;
};

// The work of the subcommand that was named; set while the command line is read.
struct Invocation {
  GlobalOptions global;
  std::function<Status(const GlobalOptions&)> work;
};

// Adds a subcommand with the global flags. `example` is shown below its help.
CLI::App* add_command(CLI::App& parent, Invocation& invocation, const std::string& name, const std::string& doc,
                      const std::string& example);

// One file each.
void add_run(CLI::App& app, Invocation& invocation);
void add_eval(CLI::App& app, Invocation& invocation);
void add_embed(CLI::App& app, Invocation& invocation);
void add_tokenize(CLI::App& app, Invocation& invocation);
void add_template(CLI::App& app, Invocation& invocation);
void add_devices(CLI::App& app, Invocation& invocation);
void add_plugins(CLI::App& app, Invocation& invocation);
void add_bench(CLI::App& app, Invocation& invocation);
void add_profile(CLI::App& app, Invocation& invocation);
void add_tune(CLI::App& app, Invocation& invocation);
void add_explain(CLI::App& app, Invocation& invocation);
void add_plan(CLI::App& app, Invocation& invocation);
void add_pull(CLI::App& app, Invocation& invocation);
void add_list(CLI::App& app, Invocation& invocation);
void add_rm(CLI::App& app, Invocation& invocation);
void add_convert(CLI::App& app, Invocation& invocation);
void add_quantize(CLI::App& app, Invocation& invocation);
void add_new_plugin(CLI::App& app, Invocation& invocation);
void add_config(CLI::App& app, Invocation& invocation);

}  // namespace bp::cli
