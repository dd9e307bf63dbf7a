// What an architecture builds its graph from. Everything outlives the graph.
#pragma once

#include <string>

#include "model/graph_options.h"
#include "model/model_config.h"
#include "model/rope.h"
#include "model/weights.h"

namespace bp {

struct RopeTables {
  RopeTable global;
  RopeTable local;  // of layers with a window, where ModelConfig::has_local_rope
};

struct ModelSource {
  const ModelConfig& config;
  const Weights& weights;  // by GGUF's names
  const RopeTables& rope;
  const GraphOptions& options;
  const std::string& where;  // the model's path, for errors
};

}  // namespace bp
