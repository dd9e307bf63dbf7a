// Any text as backplane.toml: it loads or is refused with problems that have their place, and what loads is shown and
// shown again the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "config/load.h"
#include "config/plugin_options.h"
#include "config/show.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<bp::PluginOptionTable> tables = {
      {"cpu",
       {bp::plugin_option_spec({"threads", "int", "0", "0", "1024", "threads"}),
        bp::plugin_option_spec({"isa", "auto|avx2"})}}};
  auto config = bp::load_config_text({reinterpret_cast<const char*>(data), size}, "fuzz.toml", {});
  if (!config) {
    BP_CHECK(!config.error().empty());
    for (const bp::ConfigProblem& problem : config.error()) BP_CHECK(problem.text().find('\n') == std::string::npos);
    bp::problems_to_json(config.error());
    return 0;
  }
  bp::check_plugin_options(*config, tables);
  bp::config_to_json(*config);
  bp::config_to_text(*config);
  return 0;
}
