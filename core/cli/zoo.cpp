// backplane pull NAME, list, rm NAME: the model zoo
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/host.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "zoo/pull.h"

namespace bp::cli {
namespace {

json::object document(const PulledModel& model) {
  return {{"name", model.name}, {"path", model.path}, {"sha256", model.sha256}, {"size", model.size_bytes}};
}

std::string size_text(uint64_t bytes) {
  if (bytes == 0) return "?";
  return bytes < 1'000'000'000 ? fmt::format("{} MB", (bytes + 500'000) / 1'000'000)
                               : fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

PullOptions options_of(const GlobalOptions& global, const Host& host) {
  return pull_options(host.config(), !global.no_progress, interrupt_token());
}

Status pull_named(const GlobalOptions& global, const std::string& name) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(const PulledModel model, pull(name, options_of(global, *host)));
  return global.json ? print_json(document(model)) : print(model.path + "\n");
}

Status remove_named(const GlobalOptions& global, const std::string& name) {
  BP_TRY(const auto host, Host::create(global));
  BP_TRY(const PulledModel model, remove_pulled(name, options_of(global, *host)));
  return global.json ? print_json(document(model)) : print(model.path + "\n");
}

// Of every model of the manifest, here or not.
json::object full_document(const ZooModel& model, const PulledModel* here) {
  const bool is_known = !model.is_folder() && !model.files.front().sha256.empty();
  json::object entry{{"name", model.name},
                     {"path", nullptr},
                     {"sha256", is_known ? json::value(model.files.front().sha256) : json::value(nullptr)},
                     {"size", model.size_bytes() != 0 ? json::value(model.size_bytes()) : json::value(nullptr)}};
  if (here != nullptr) entry = document(*here);
  entry["family"] = model.family;
  entry["description"] = model.description;
  entry["licence"] = model.licence;
  entry["memory_bytes"] = model.memory_bytes;
  return entry;
}

Status list_models(const GlobalOptions& global, bool all) {
  BP_TRY(const auto host, Host::create(global));
  const std::string& configured = host->config().models.dir;
  const std::vector<PulledModel> here = list_pulled(configured.empty() ? default_models_dir() : configured);
  json::array entries;
  std::string text;
  for (const ZooModel& model : zoo_models()) {
    const PulledModel* found = nullptr;
    for (const PulledModel& one : here) found = one.name == model.name ? &one : found;
    if (found == nullptr && !all) continue;
    entries.push_back(all ? full_document(model, found) : document(*found));
    text += fmt::format("{:<32} {:>9} {:<28} {}\n", model.name,
                        size_text(found != nullptr ? found->size_bytes : model.size_bytes()), model.licence,
                        found != nullptr ? found->path : "needs about " + size_text(model.memory_bytes) + " of memory");
  }
  if (global.json) return print_json(json::object{{"models", entries}});
  return print(text.empty() ? "no model is here; backplane list --all names those that can be pulled\n" : text);
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

void add_list(CLI::App& app, Invocation& invocation) {
  auto all = std::make_shared<bool>(false);
  CLI::App* command =
      add_command(app, invocation, "list", "The models of the zoo that are here", "backplane list --all");
  command->add_flag("--all", *all, "Those that can be pulled too, with licence and memory need");
  command->callback([all, &invocation] {
    invocation.work = [all](const GlobalOptions& global) { return list_models(global, *all); };
  });
}

void add_rm(CLI::App& app, Invocation& invocation) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = add_command(app, invocation, "rm", "Remove a model of the zoo from this machine",
                                  "backplane rm smollm2-135m-instruct");
  command->add_option("name", *name, "Name of the zoo")->required();
  command->callback([name, &invocation] {
    invocation.work = [name](const GlobalOptions& global) { return remove_named(global, *name); };
  });
}

}  // namespace bp::cli
