// backplane pull NAME
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/host.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "zoo/pull.h"

namespace bp::cli {
namespace {

Status pull_named(const GlobalOptions& global, const std::string& name) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(const PulledModel model, pull(name, pull_options(host->config(), !global.no_progress, interrupt_token())));
  if (!global.json) return print(model.path + "\n");
  return print_json(
      json::object{{"name", model.name}, {"path", model.path}, {"sha256", model.sha256}, {"size", model.size_bytes}});
}

}  // namespace

void add_pull(CLI::App& app, Invocation& invocation) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = add_command(app, invocation, "pull", "Fetch a model of the zoo, verified",
                                  "backplane pull smollm2-135m-instruct");
  command->add_option("name", *name, "Name of the zoo")->required();
  command->callback([name, &invocation] {
    invocation.work = [name](const GlobalOptions& global) { return pull_named(global, *name); };
  });
}

}  // namespace bp::cli
