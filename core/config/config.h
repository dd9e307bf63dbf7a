// What the program was told: one struct for each section of backplane.toml. Its initialisers are the defaults.
// Plain values. Choices (fallback, dtypes, level) are the checked words of options.cpp; sizes are bytes, durations ms.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/literal.h"

namespace bp {

struct DeviceConfig {
  std::vector<std::string> use = {"auto"};
  std::string fallback = "error";    // error | warn | allow
  std::string op_fallback = "warn";  // error | warn | allow
  int64_t timeout_ms = 300'000;
};

struct PluginsConfig {
  std::vector<std::string> paths;
  std::vector<std::string> dirs;
  std::vector<std::string> allow;   // empty: all
  std::vector<std::string> sha256;  // "cpu=9f86…": what the file of a plugin must hash to
  std::string probe = "auto";       // auto | required | off
  int64_t probe_timeout_ms = 10'000;
};

struct KernelsConfig {
  std::vector<std::string> deny;
  std::vector<std::string> force;
};

struct TuneConfig {
  std::string mode = "use";  // off | use | offline
};

struct CompileConfig {
  std::vector<std::string> disable;
  std::string horizontal_fusion = "auto";  // auto | on | off
};

struct EngineConfig {
  int64_t max_seqs = 64;
  int64_t max_batch_tokens = 512;
  int64_t max_context = 0;         // 0: the model's
  std::string act_dtype = "auto";  // auto | f32 | bf16 | f16
  bool deterministic = true;
  std::vector<int64_t> buckets;  // empty: chosen by the engine
  std::string capture = "auto";  // auto | off | on
  bool overlap = true;
  bool strict = false;
};

struct KvConfig {
  int64_t page_size = 16;
  std::string dtype = "auto";  // auto | f32 | f16 | bf16
  double memory_fraction = 0.5;
  int64_t max_bytes = 0;  // 0: no limit but the fraction
};

struct SamplingConfig {
  double temperature = 0.7;
  double top_p = 0.95;
  int64_t top_k = 0;  // 0: off
  double min_p = 0.0;
  int64_t seed = 0;
};

struct LogConfig {
  std::string level = "warn";
};

struct ModelsConfig {
  std::string dir;        // empty: $XDG_DATA_HOME/backplane/models
  std::string cache_dir;  // empty: $XDG_CACHE_HOME/backplane
};

struct ZooConfig {
  std::vector<std::string> sources = {"hub", "wheel"};
  std::string hub_url = "https://huggingface.co";
  std::string python = "python3";
  int64_t connect_timeout_ms = 5'000;
  int64_t stall_timeout_ms = 30'000;
};

enum class SettingSource : uint8_t { kDefault, kFile, kEnvironment, kFlag };

// One key, its value and where that came from.
struct Setting {
  std::string key;    // "kv.page_size", "plugin.cpu.threads"
  std::string value;  // as a file would have it: 16, "auto", ["cpu:0"]
  std::string plain;  // without quotes, list items joined by commas: what a plugin is given
  SettingSource source = SettingSource::kDefault;
  std::string where;  // "default", "backplane.toml:14:1", "$HF_ENDPOINT", "command line"
};

// What was said of one key of [plugin.NAME], whose type is not yet known.
struct PluginSetting {
  Setting setting;
  Literal literal;
  bool text = false;  // the literal is text of a flag: it reads as whatever type the option has
  std::string file;   // or "command line"
  uint32_t line = 0, column = 0;
};

struct Config {
  DeviceConfig device;
  PluginsConfig plugins;
  KernelsConfig kernels;
  TuneConfig tune;
  CompileConfig compile;
  EngineConfig engine;
  KvConfig kv;
  SamplingConfig sampling;
  LogConfig log;
  ModelsConfig models;
  ZooConfig zoo;

  std::string file;                            // the file that was read; empty: none
  std::vector<Setting> settings;               // every key of options.cpp, in its order
  std::vector<PluginSetting> plugin_settings;  // unchecked until check_plugin_options()
};

}  // namespace bp
