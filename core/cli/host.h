// What most commands stand on: the configuration, the plugins found with it, the device it names, and models by path or
// name. Not thread-safe: one per process.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/command.h"
#include "config/config.h"
#include "engine/embedder.h"
#include "engine/engine.h"
#include "engine/text_model.h"
#include "model/model.h"
#include "plugin_host/registry.h"

namespace bp::cli {

class Host {
 public:
  // Reads and checks the configuration; sets the log level. Errors: kConfig with every problem found.
  static Result<std::unique_ptr<Host>> create(const GlobalOptions& options);

  const Config& config() const { return config_; }
  // Finds and checks the plugins, once; the options of [plugin.NAME] with them.
  Result<PluginRegistry*> registry();
  // The device that the configuration or a flag names: null for the reference.
  Result<std::unique_ptr<Device>> open_device();
  // As the configuration has it.
  Result<EngineOptions> engine_options() const;
  // A path as it is; a zoo name, pulled first where it is not yet here.
  Result<std::string> model_path(const std::string& model) const;

 private:
  Host(GlobalOptions options, Config config) : options_(std::move(options)), config_(std::move(config)) {}
  Result<std::unique_ptr<Device>> open_any();

  GlobalOptions options_;
  Config config_;
  std::unique_ptr<PluginRegistry> registry_;
};

// A model on a device, ready to run. Destroyed in the reverse order.
struct RunningModel {
  std::unique_ptr<Model> model;
  std::unique_ptr<Device> device;      // null: the reference
  std::unique_ptr<Engine> engine;      // null before start_engine()
  std::unique_ptr<Embedder> embedder;  // null before start_embedder()
  double load_ms = 0;

  bool is_encoder() const { return model->config().pooling != Pooling::kOff; }

  std::string device_id() const { return device == nullptr ? "reference" : device->info().id; }
};

// Opens the model and the device.
Result<RunningModel> open_model(Host& host, const std::string& model);
// Makes what runs it; `adjust` changes what the configuration says. Errors: kUsage for a model of the other kind.
Status start_engine(Host& host, RunningModel& running, const std::function<void(EngineOptions&)>& adjust);
Status start_embedder(Host& host, RunningModel& running, const std::function<void(EngineOptions&)>& adjust);
// start_embedder() for an encoder, else start_engine().
Status start_either(Host& host, RunningModel& running, const std::function<void(EngineOptions&)>& adjust);
// start_either() with room for steps of `n_tokens`, and the program that runs one.
Result<const Program*> start_program(Host& host, RunningModel& running, int n_tokens,
                                     const std::function<void(EngineOptions&)>& adjust);
// open_model() and start_engine().
Result<RunningModel> start_model(Host& host, const std::string& model,
                                 const std::function<void(EngineOptions&)>& adjust);

}  // namespace bp::cli
