// What an Engine of the library holds. Private to core/api.
#pragma once

#include <backplane/api/engine.h>

#include <memory>
#include <utility>
#include <vector>

#include "api/shared_device.h"
#include "engine/engine.h"
#include "engine/text_model.h"
#include "model/model.h"

namespace bp::api {

// Destroyed in the reverse order.
struct Engine::State {
  State(SharedDevice on, Model of, TextModel with)
      : device(std::move(on)), model(std::move(of)), text(std::move(with)) {}

  SharedDevice device;
  Model model;
  TextModel text;
  std::unique_ptr<bp::Engine> engine;
  bool answers = false;  // a call of generate() is running

  Generation generate(std::vector<int32_t> prompt, const GenerateOptions& options, const TextCallback& on_text,
                      bool continues);
};

// For other files of the library.
struct EngineAccess {
  static Engine::State& state(Engine& engine) { return engine.state(); }
};

}  // namespace bp::api
