#include "cli/command.h"

namespace bp::cli {

CLI::App* add_command(CLI::App& parent, Invocation& invocation, const std::string& name, const std::string& doc,
                      const std::string& example) {
  CLI::App* command = parent.add_subcommand(name, doc);
  command->footer("Example:\n  " + example);
  GlobalOptions& global = invocation.global;
  command->add_option("--config", global.config, "Configuration file (TOML)")->type_name("FILE");
  command->add_option("--device", global.devices, "Device to use, as `backplane devices` lists it; repeatable")
      ->type_name("ID")
      ->allow_extra_args(false);
  command->add_option("--plugin-dir", global.plugin_dirs, "Folder of plugins; repeatable")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command->add_option("--log-level", global.log_level, "trace, debug, info, warn, error or off")->type_name("LEVEL");
  command->add_option("--set", global.settings, "A key of the configuration, as KEY=VALUE; repeatable")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--json", global.json, "One JSON document on standard output");
  command->add_flag("--no-progress", global.no_progress, "No progress bars");
  return command;
}

}  // namespace bp::cli
