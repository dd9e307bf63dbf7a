// The command line: reads the arguments, runs the subcommand named, and turns its error into a line and an exit code.
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/output.h"

#if defined(__SANITIZE_ADDRESS__)
// The runtime of gcc 12 takes a thread's variables of a loaded library that begin 16 bytes into a page for those of
// glibc 2.19, and what its own allocator wrote before them for where they are: looking for leaks, it then faults on
// the threads of oneDNN's OpenMP. They are found by the thread's own table as well.
extern "C" const char* __asan_default_options() { return "intercept_tls_get_addr=0"; }
#endif

int main(int argc, char** argv) {
  using namespace bp::cli;
  install_interrupt_handler();
  CLI::App app("Backplane runs large language models on whatever hardware its plugins bring.", "backplane");
  app.set_version_flag("--version", BACKPLANE_VERSION);
  app.require_subcommand(1);
  Invocation invocation;
  for (const auto add : {add_run, add_eval, add_embed, add_tokenize, add_template, add_devices, add_plugins, add_bench,
                         add_profile, add_explain, add_plan, add_tune, add_pull, add_list, add_rm, add_convert,
                         add_quantize, add_new_plugin, add_config}) {
    add(app, invocation);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    print_error({bp::ErrorCode::kUsage, "command line", error.what(), "see backplane --help"}, invocation.global.json);
    return bp::exit_code(bp::ErrorCode::kUsage);
  }
  const bp::Status done = [&] {
    const InterruptWatch watch(invocation.global.json);
    return invocation.work(invocation.global);
  }();
  if (done.has_value()) return 0;
  print_error(done.error(), invocation.global.json);
  return bp::exit_code(done.error().code);
}
