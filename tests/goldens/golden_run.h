// Feeds a golden to an engine and compares what comes out.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "engine/embedder.h"
#include "engine/engine.h"
#include "golden_case.h"
#include "model/model.h"
#include "plugin_host/registry.h"

namespace bp {

// How the tokens reach the engine.
struct GoldenWay {
  const char* name;
  int chunk;  // prompt tokens in one step; 0: as many as fit
  int max_batch_tokens;
  int max_seqs;         // beside the case itself, shorter prefixes of it run in the same batch
  bool served = false;  // the KV cache as a server has it, else in f32: then nothing but the weights is rounded
};

// For the names of parametrised tests.
inline void PrintTo(const GoldenWay& way, std::ostream* out) { *out << way.name; }

// The reference (null) and every usable device of the plugins that were built and in
// $BACKPLANE_GOLDEN_PLUGIN_DIR, opened.
std::vector<std::unique_ptr<Device>> golden_devices();
std::string device_name(const Device* device);

// Test failures: logits further from the expected than `bound` × their spread, other greedy tokens where the gap allows
// to tell, an error of the engine.
void check_golden(const Model& model, const GoldenCase& golden, Device* device, const GoldenWay& way, double bound);

// The same of an encoder, all lists together or one by one; where the model normalises, the expected is made to.
void check_golden_embeddings(const Model& model, const GoldenCase& golden, Device* device, int max_seqs, double bound);

}  // namespace bp
