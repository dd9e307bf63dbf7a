#include "cli/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "base/log.h"
#include "cli/interrupt.h"
#include "cli/plugin_search.h"
#include "cli/settings.h"
#include "zoo/manifest.h"
#include "zoo/pull.h"

namespace bp::cli {
namespace {

FallbackPolicy policy(const std::string& word) {
  return word == "error" ? FallbackPolicy::kError : word == "allow" ? FallbackPolicy::kAllow : FallbackPolicy::kWarn;
}

CaptureMode capture_mode(const std::string& word) {
  return word == "off" ? CaptureMode::kOff : word == "on" ? CaptureMode::kOn : CaptureMode::kAuto;
}

// "auto" is for the engine to choose.
DType dtype_of(const std::string& word) { return parse_dtype(word).value_or(DType::kInvalid); }

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Result<std::unique_ptr<Host>> Host::create(const GlobalOptions& options) {
  BP_TRY(Config config, read_settings(options));
  if (const auto level = log::parse_level(config.log.level)) log::set_level(*level);
  return std::unique_ptr<Host>(new Host(options, std::move(config)));
}

Result<PluginRegistry*> Host::registry() {
  if (registry_ != nullptr) return registry_.get();
  BP_TRY(const PluginSearch search, plugin_search(config_));
  registry_ = PluginRegistry::discover(search, plugin_callbacks(config_));
  BP_TRY_VOID(check_plugin_settings(config_, registry_->options()));
  return registry_.get();
}

Result<std::unique_ptr<Device>> Host::open_device() {
  const auto& wanted = config_.device.use;
  if (wanted.empty() || wanted.front() == "auto") return open_any();
  if (wanted.size() > 1) {
    return fail(ErrorCode::kUsage, "device.use",
                fmt::format("names {} devices ({})", wanted.size(), fmt::join(wanted, ", ")),
                "one device runs a model so far: name one");
  }
  if (wanted.front() == "reference") return nullptr;
  BP_TRY(PluginRegistry * plugins, registry());
  auto device = plugins->open(wanted.front());
  if (device.has_value()) (*device)->set_wait_limit_ms(config_.device.timeout_ms);
  if (device.has_value() || config_.device.fallback == "error") return device;
  if (config_.device.fallback == "warn") log::warn("{}; trying the other devices", device.error().message());
  return open_any();
}

Result<std::unique_ptr<Device>> Host::open_any() {
  BP_TRY(PluginRegistry * plugins, registry());
  auto device = plugins->open("auto");
  if (device.has_value()) (*device)->set_wait_limit_ms(config_.device.timeout_ms);
  if (device.has_value()) return device;
  log::warn("{}; the reference computes, slowly", device.error().message());
  return nullptr;
}

Result<EngineOptions> Host::engine_options() const {
  EngineOptions options;
  options.max_seqs = static_cast<int>(config_.engine.max_seqs);
  options.max_batch_tokens = static_cast<int>(config_.engine.max_batch_tokens);
  options.max_context = static_cast<int>(config_.engine.max_context);
  options.page_size = static_cast<int>(config_.kv.page_size);
  options.kv_dtype = dtype_of(config_.kv.dtype);
  options.act_dtype = dtype_of(config_.engine.act_dtype);
  options.kv_memory_fraction = config_.kv.memory_fraction;
  options.kv_max_bytes = static_cast<uint64_t>(config_.kv.max_bytes);
  options.deterministic = config_.engine.deterministic;
  options.overlap = config_.engine.overlap;
  options.capture = capture_mode(config_.engine.capture);
  options.strict = config_.engine.strict;
  for (const int64_t size : config_.engine.buckets) options.buckets.push_back(static_cast<int>(size));
  options.op_fallback = policy(config_.device.op_fallback);
  options.kernels = {config_.kernels.deny, config_.kernels.force};
  const std::string& horizontal = config_.compile.horizontal_fusion;
  options.compiler.join_products = horizontal == "on"    ? JoinProducts::kAlways
                                   : horizontal == "off" ? JoinProducts::kNever
                                                         : JoinProducts::kAuto;
  disable_passes(options.compiler, config_.compile.disable);
  options.tuning = config_.tune.mode == "off"   ? TuningUse::kOff
                   : config_.tune.mode == "use" ? TuningUse::kUse
                                                : TuningUse::kOffline;
  options.tuning_folder = tuning_folder(config_.models.cache_dir);
  return options;
}

Result<std::string> Host::model_path(const std::string& model) const {
  std::error_code error;
  if (std::filesystem::exists(model, error)) return model;
  if (find_zoo_model(model) == nullptr) {
    return fail(ErrorCode::kRefused, model, "is neither a file, a folder nor a name of the zoo",
                "check the path; `backplane pull` knows: " + zoo_names());
  }
  BP_TRY(const PulledModel pulled, pull(model, pull_options(config_, !options_.no_progress, interrupt_token())));
  return pulled.path;
}

Result<RunningModel> open_model(Host& host, const std::string& model) {
  BP_TRY(const std::string path, host.model_path(model));
  const auto start = std::chrono::steady_clock::now();
  RunningModel running;
  BP_TRY(Model opened, Model::open(path));
  running.model = std::make_unique<Model>(std::move(opened));
  BP_TRY(running.device, host.open_device());
  running.load_ms = ms_since(start);
  return running;
}

Status start_engine(Host& host, RunningModel& running, const std::function<void(EngineOptions&)>& adjust) {
  const auto start = std::chrono::steady_clock::now();
  BP_TRY(EngineOptions options, host.engine_options());
  adjust(options);
  BP_TRY(running.engine, Engine::create(*running.model, running.device.get(), std::move(options)));
  running.load_ms += ms_since(start);
  return {};
}

Status start_embedder(Host& host, RunningModel& running, const std::function<void(EngineOptions&)>& adjust) {
  const auto start = std::chrono::steady_clock::now();
  BP_TRY(EngineOptions options, host.engine_options());
  adjust(options);
  BP_TRY(running.embedder, Embedder::create(*running.model, running.device.get(), std::move(options)));
  running.load_ms += ms_since(start);
  return {};
}

Status start_either(Host& host, RunningModel& running, const std::function<void(EngineOptions&)>& adjust) {
  return running.is_encoder() ? start_embedder(host, running, adjust) : start_engine(host, running, adjust);
}

Result<const Program*> start_program(Host& host, RunningModel& running, int n_tokens,
                                     const std::function<void(EngineOptions&)>& adjust) {
  BP_TRY_VOID(start_either(host, running, [&](EngineOptions& options) {
    options.max_batch_tokens = std::max(options.max_batch_tokens, n_tokens);
    adjust(options);
  }));
  return running.is_encoder() ? running.embedder->program(n_tokens) : running.engine->executor().program(n_tokens);
}

Result<RunningModel> start_model(Host& host, const std::string& model,
                                 const std::function<void(EngineOptions&)>& adjust) {
  BP_TRY(RunningModel running, open_model(host, model));
  BP_TRY_VOID(start_engine(host, running, adjust));
  return running;
}

}  // namespace bp::cli
